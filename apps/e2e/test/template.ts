import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { prepareTemplate } from "@homing/local/test-database";
import type { Backend } from "./backends.js";

const MIGRATE = fileURLToPath(new URL("../../../packages/db/dist/migrate-cli.js", import.meta.url));
const MIGRATE_QUEUE = fileURLToPath(new URL("../../../packages/queue/dist/migrate-cli.js", import.meta.url));

const run = promisify(execFile);

/** The template database of a backend, migrated by the programs that an operator runs. */
export function templateFor(backend: Backend): Promise<string> {
  const scripts = backend === "postgres" ? [MIGRATE, MIGRATE_QUEUE] : [MIGRATE];
  return prepareTemplate(`e2e_${backend}`, async (url) => {
    for (const script of scripts) {
      await run(process.execPath, [script], { env: { PATH: process.env["PATH"], DATABASE_URL: url } });
    }
  });
}

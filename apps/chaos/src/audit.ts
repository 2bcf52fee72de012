import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { inheritedEnv } from "./config.js";

const ROOT = new URL("../../../", import.meta.url);
const SCRIPT = "audit:deliveries";

/** Runs the operator's audit on the database. @returns what it printed when it found something, else null */
export async function audit(databaseUrl: string, signal: AbortSignal): Promise<string | null> {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    await readFile(new URL("package.json", ROOT), "utf8"),
  );
  if (!(SCRIPT in scripts)) return null;
  const child = spawn("npm", ["run", "--silent", SCRIPT], {
    cwd: fileURLToPath(ROOT),
    env: { ...inheritedEnv(), DATABASE_URL: databaseUrl },
    stdio: ["ignore", "pipe", "pipe"],
    signal,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [status] = await once(child, "close");
  return status === 0 ? null : `npm run ${SCRIPT} ended with ${status}: ${output.trim()}`;
}

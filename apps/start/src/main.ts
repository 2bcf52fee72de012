import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./run.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

process.chdir(root);
run({
  directory: ".homing",
  scripts: {
    migrate: fileURLToPath(import.meta.resolve("@homing/db/migrate-cli")),
    "migrate queue": fileURLToPath(import.meta.resolve("@homing/queue/migrate-cli")),
    api: join("apps", "api", "dist", "main.js"),
    worker: join("apps", "worker", "dist", "main.js"),
  },
});

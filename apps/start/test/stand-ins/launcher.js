// Homing's launcher over the stand-ins of this folder.
import { fileURLToPath } from "node:url";
import { run } from "../../dist/run.js";

run({
  directory: process.argv[2],
  scripts: {
    migrate: fileURLToPath(new URL("./migrate.js", import.meta.url)),
    "migrate queue": fileURLToPath(new URL("./migrate-queue.js", import.meta.url)),
    api: fileURLToPath(new URL("./api.js", import.meta.url)),
    worker: fileURLToPath(new URL("./worker.js", import.meta.url)),
  },
});

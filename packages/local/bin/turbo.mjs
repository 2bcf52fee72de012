// Runs turbo with the repository's settings: `node packages/local/bin/turbo.mjs run build`.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ensureInstalled, root } from "./ensure-installed.mjs";

const settings = { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", TURBO_PRINT_VERSION_DISABLED: "1" };

/** Resolves to turbo's exit code, 128 + n when signal n ended it. Signals reach turbo, which ends its tasks. */
export function turbo(args) {
  const child = spawn(`${root}node_modules/.bin/turbo`, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...settings },
  });
  const forward = (signal) => child.kill(signal);
  process.on("SIGINT", forward).on("SIGTERM", forward);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`turbo did not start: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code, signal) => {
      process.off("SIGINT", forward).off("SIGTERM", forward);
      resolve(code ?? (signal === "SIGINT" ? 130 : 143));
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  process.exitCode = await turbo(process.argv.slice(2));
}

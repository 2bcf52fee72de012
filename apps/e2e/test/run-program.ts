import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a program ended. */
export interface Ended {
  /** -1: by a signal */
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a built program of the worker's or the API's, as `worker/dist/keys-cli.js`, to its end. */
export function runProgram(
  path: string,
  env: Record<string, string>,
  options: { killAfterOutput?: boolean } = {},
): Promise<Ended> {
  const script = fileURLToPath(new URL(`../../${path}`, import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script], { env }, (_error, stdout, stderr) => {
      resolve({ status: child.exitCode ?? -1, stdout, stderr });
    });
    if (options.killAfterOutput === true) child.stdout?.once("data", () => child.kill("SIGKILL"));
  });
}

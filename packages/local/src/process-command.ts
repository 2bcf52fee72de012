import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * The command line of a living process, its arguments joined by spaces; null when there is none (a zombie has none either).
 * Tells a process that left its pid in a file from a stranger that was given the same pid since.
 */
export async function processCommand(pid: number): Promise<string | null> {
  const command = process.platform === "linux" ? await readCommand(pid) : await askPs(pid);
  return command === "" ? null : command;
}

async function readCommand(pid: number): Promise<string> {
  try {
    const text = await readFile(`/proc/${pid}/cmdline`, "utf8");
    return text.split("\0").join(" ").trim();
  } catch {
    return "";
  }
}

async function askPs(pid: number): Promise<string> {
  try {
    const { stdout } = await run("ps", ["-o", "args=", "-p", String(pid)]);
    return stdout.trim();
  } catch {
    return "";
  }
}

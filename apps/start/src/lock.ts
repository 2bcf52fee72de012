import { readFile, rm, writeFile } from "node:fs/promises";
import { processCommand } from "@homing/local/process-command";
import { StartError } from "@homing/runtime/start-error";

const ATTEMPTS_MAX = 3;

/**
 * Makes sure that this checkout runs once. A lock whose process is gone, or whose pid now belongs to another program, is taken over.
 * @returns what gives the lock back
 * @throws StartError when it is running already
 */
export async function takeLock(file: string): Promise<() => Promise<void>> {
  const own = `${process.pid} ${await processCommand(process.pid)}\n`;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    if (await writeNew(file, own)) return () => rm(file, { force: true });
    const pid = await findHolder(file);
    if (pid !== null) throw new StartError(`Homing is already running in this folder (process ${pid})`);
    await rm(file, { force: true });
  }
  throw new StartError(`cannot take ${file}: another start is taking it at the same time`);
}

async function writeNew(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw new StartError(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function findHolder(file: string): Promise<number | null> {
  const [, pid, command] = /^(\d+) (.*)\n$/s.exec(await readFile(file, "utf8").catch(() => "")) ?? [];
  if (pid === undefined) return null;
  return (await processCommand(Number(pid))) === command ? Number(pid) : null;
}

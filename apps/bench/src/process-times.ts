import { readdir, readFile } from "node:fs/promises";

/** Linux counts a process' time in hundredths of a second, whatever its kernel's own clock. */
const TICK_MS = 10;
const KIB = 1024;

/** CPU that a process and its children that have ended used, user and system, in milliseconds; from `/proc/<pid>/stat`. */
async function ownTimeMs(pid: number): Promise<number> {
  const fields = await readStat(pid);
  // Counted from after the name: utime, stime, cutime, cstime.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS;
}

/** CPU that processes and all their children used until now, in milliseconds. */
export async function cpuTimeMs(pids: readonly number[]): Promise<number> {
  const family = await withChildren(pids);
  const times = await Promise.all(family.map((pid) => ownTimeMs(pid).catch(() => 0)));
  return times.reduce((sum, ms) => sum + ms, 0);
}

/** The memory that a process had in use at its peak (RSS), in MiB; from `/proc/<pid>/status`. */
export async function peakMemoryMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / KIB;
}

async function withChildren(pids: readonly number[]): Promise<number[]> {
  const names = await readdir("/proc");
  const all = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(all.map((pid) => parentOf(pid).catch(() => null)));
  return all.filter((pid, index) => pids.includes(pid) || pids.includes(parents[index] ?? 0));
}

async function parentOf(pid: number): Promise<number> {
  return Number((await readStat(pid))[1]);
}

/** The fields after the process' name, which may itself hold spaces and brackets. */
async function readStat(pid: number): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

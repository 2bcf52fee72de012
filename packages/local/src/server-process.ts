import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";

const STOP_TIMEOUT_MS = 30_000;

// A line on stdin says that the server ended in good order; end of file says that its owner is gone, however it died.
const GUARD_SCRIPT = `
read -r word && exit 0
pid=$1; directory=$2; shift 2
for signal in "$@"; do
  kill -s "$signal" "$pid" 2>/dev/null || break
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
done
[ -z "$directory" ] || rm -rf -- "$directory"
`;

export interface ServerProcess {
  pid: number;
  /** Settles when the process has ended: its exit code, or the signal that ended it. Never rejects. */
  exited: Promise<number | NodeJS.Signals>;
  stop(): Promise<void>;
}

export interface ServerCommand {
  file: string;
  args: string[];
  /** Where its output goes: a file descriptor. */
  output: number | "ignore";
  /** For a system user of its own. */
  identity?: { uid: number; gid: number } | undefined;
  env?: NodeJS.ProcessEnv;
  stopSignal: NodeJS.Signals;
  /** Sent in turn, ten seconds apart, when this process dies without having stopped the server. */
  orphanSignals: ("TERM" | "INT" | "QUIT" | "KILL")[];
  /** Removed after an orphan's end. */
  orphanDirectory?: string | undefined;
}

/**
 * Runs a server in a session of its own, so that a terminal's Ctrl-C does not reach it before its clients have stopped; a guard
 * stops it when this process dies. Neither keeps this process running.
 * @throws when the program cannot be started
 */
export async function startServerProcess(command: ServerCommand): Promise<ServerProcess> {
  const child = spawn(command.file, command.args, {
    detached: true,
    stdio: ["ignore", command.output, command.output],
    ...(command.env ? { env: command.env } : {}),
    ...command.identity,
  });
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? code ?? 1));
  });
  const pid = await pidOf(child);
  const dismissGuard = startGuard(pid, command);
  void exited.then(dismissGuard);
  child.unref();
  return { pid, exited, stop: () => stopChild(child, exited, command.stopSignal) };
}

function pidOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => {
      if (child.pid === undefined) reject(new Error("a process that was started has no pid"));
      else resolve(child.pid);
    });
  });
}

function startGuard(pid: number, command: ServerCommand): () => void {
  const args = ["-c", GUARD_SCRIPT, "guard", String(pid), command.orphanDirectory ?? "", ...command.orphanSignals];
  const guard = spawn("/bin/sh", args, { detached: true, cwd: "/", stdio: ["pipe", "ignore", "ignore"] });
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  guard.unref();
  return () => guard.stdin.end("ended\n");
}

async function stopChild(
  child: ChildProcess,
  exited: Promise<number | NodeJS.Signals>,
  signal: NodeJS.Signals,
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

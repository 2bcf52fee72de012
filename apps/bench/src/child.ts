import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { inheritedEnv } from "./config.js";

const STOP_MS_MAX = 5_000;

/** A process of this program's own that takes orders and tells what it did. */
export interface Child<Order extends object> {
  order(order: Order): void;
  /** Its messages are taken at their word: both ends are this program's. */
  process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts one of this program's scripts, which ends itself when the channel to this process closes. */
export function startChild<Order extends object>(script: string, env: NodeJS.ProcessEnv = {}): Child<Order> {
  const child = fork(script, { env: { ...inheritedEnv(), ...env }, detached: true, serialization: "advanced" });
  child.on("error", () => undefined);
  return {
    process: child,
    order: (order) => void (child.connected && child.send(order)),
    stop: () => stopChild(child),
  };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}

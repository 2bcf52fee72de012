import { fileURLToPath } from "node:url";
import { waitFor } from "@homing/local/wait-for";
import { startChild } from "../child.js";

const FLOOR_MS_MAX = 120_000;

export type FloorOrder = { kind: "jobs" | "inserts"; count: number } | { kind: "requests"; count: number; url: string };
export interface FloorMessage {
  kind: FloorOrder["kind"];
  /** Pieces of work a second, or why there are none. */
  outcome: { perSecond: number } | { failure: string };
}

/** What each part of the path can do by itself, measured in a process of its own. */
export interface Floors {
  /** @returns pieces of work a second */
  measure(order: FloorOrder): Promise<number>;
  pid: number;
  stop(): Promise<void>;
}

export function startFloors(env: { databaseUrl: string; redisUrl: string }): Floors {
  const results = new Map<FloorOrder["kind"], FloorMessage["outcome"]>();
  const script = fileURLToPath(new URL("./floors-main.js", import.meta.url));
  const child = startChild<FloorOrder>(script, { DATABASE_URL: env.databaseUrl, REDIS_URL: env.redisUrl });
  child.process.on("message", ({ kind, outcome }: FloorMessage) => results.set(kind, outcome));
  const { pid } = child.process;
  if (pid === undefined) throw new Error("the process of the floors did not start");
  return {
    pid,
    async measure(order) {
      child.order(order);
      const what = `the floor of ${order.kind}`;
      const outcome = await waitFor(() => results.get(order.kind), { what, timeoutMs: FLOOR_MS_MAX });
      if ("failure" in outcome) throw new Error(`${what} was not measured: ${outcome.failure}`);
      return outcome.perSecond;
    },
    stop: () => child.stop(),
  };
}

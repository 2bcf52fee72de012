import { fileURLToPath } from "node:url";
import { waitFor } from "@homing/local/wait-for";
import { startChild } from "../child.js";

const FLOOR_MS_MAX = 120_000;

export type FloorOrder = { kind: "jobs" | "inserts"; count: number } | { kind: "requests"; count: number; url: string };
export interface FloorMessage {
  kind: FloorOrder["kind"];
  perSecond: number;
}

/** What each part of the path can do by itself, measured in a process of its own. */
export interface Floors {
  /** @returns pieces of work a second */
  measure(order: FloorOrder): Promise<number>;
  stop(): Promise<void>;
}

export function startFloors(env: { databaseUrl: string; redisUrl: string }): Floors {
  const results = new Map<FloorOrder["kind"], number>();
  const script = fileURLToPath(new URL("./floors-main.js", import.meta.url));
  const child = startChild<FloorOrder>(script, { DATABASE_URL: env.databaseUrl, REDIS_URL: env.redisUrl });
  child.process.on("message", ({ kind, perSecond }: FloorMessage) => results.set(kind, perSecond));
  return {
    measure(order) {
      child.order(order);
      return waitFor(() => results.get(order.kind), { what: `the floor of ${order.kind}`, timeoutMs: FLOOR_MS_MAX });
    },
    stop: () => child.stop(),
  };
}

import { fileURLToPath } from "node:url";
import { waitFor } from "@homing/local/wait-for";
import type { Arrival } from "./arrival.js";
import { startChild } from "./child.js";
import type { Behaviour } from "./sink.js";

export type SinkOrder = { kind: "heal"; webhooks?: readonly string[] };
export type SinkMessage = { kind: "listening"; port: number } | { kind: "arrivals"; arrivals: Arrival[] };

/** The receivers of all webhooks, in a process of their own. */
export interface SinkProcess {
  /** Of an endpoint. */
  url(behaviour: Behaviour | `slow/${number}`, webhook: string): string;
  /** Everything that has arrived, in the order of its arrival. */
  arrivals: readonly Arrival[];
  /** See Sink. */
  heal(webhooks?: readonly string[]): void;
  stop(): Promise<void>;
}

export async function startSink(): Promise<SinkProcess> {
  const arrivals: Arrival[] = [];
  let port: number | null = null;
  const child = startChild<SinkOrder>(fileURLToPath(new URL("./sink-main.js", import.meta.url)));
  child.process.on("message", (message: SinkMessage) => {
    if (message.kind === "listening") port = message.port;
    else arrivals.push(...message.arrivals);
  });
  const listensAt = await waitFor(() => port, { what: "the sink to listen" });
  return {
    url: (behaviour, webhook) => `http://127.0.0.1:${listensAt}/${behaviour}/${webhook}`,
    arrivals,
    heal: (webhooks) => child.order({ kind: "heal", ...(webhooks && { webhooks }) }),
    stop: () => child.stop(),
  };
}

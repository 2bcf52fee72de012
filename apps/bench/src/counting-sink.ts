import { fileURLToPath } from "node:url";
import { waitFor } from "@homing/local/wait-for";
import { startChild } from "./child.js";

export type CountingMessage =
  | { kind: "listening"; port: number }
  | { kind: "counts"; requests: number; deliveries: number };

/** A receiver that costs as little as it can, in a process of its own. */
export interface CountingSink {
  /** Of an endpoint that answers after so long. */
  url(name: string, delayMs?: number): string;
  /** Deliveries that were received, as of a moment ago, and how many requests that took. */
  counts(): { requests: number; deliveries: number };
  stop(): Promise<void>;
}

/** @param options.isTls with the certificate that every installation of the bench trusts */
export async function startCountingSink({ isTls }: { isTls: boolean }): Promise<CountingSink> {
  let port: number | null = null;
  let counts = { requests: 0, deliveries: 0 };
  const child = startChild<never>(fileURLToPath(new URL("./counting-sink-main.js", import.meta.url)), {
    SINK_TLS: String(isTls),
  });
  child.process.on("message", (message: CountingMessage) => {
    if (message.kind === "listening") port = message.port;
    else counts = { requests: message.requests, deliveries: message.deliveries };
  });
  const listensAt = await waitFor(() => port, { what: "the counting sink to listen" });
  return {
    url: (name, delayMs = 0) => `${isTls ? "https" : "http"}://127.0.0.1:${listensAt}/${delayMs}/${name}`,
    counts: () => counts,
    stop: () => child.stop(),
  };
}

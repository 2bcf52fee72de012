import autocannon from "autocannon";
import { eventIdsIn } from "./event-ids.js";

const ACCEPTED = 202;

/** Requests from so many connections at once, each sent as soon as the one before was answered. */
export interface Hammer {
  url: string;
  headers: Record<string, string>;
  connections: number;
  durationMs: number;
  /** Sent in turn by each connection. */
  bodies: readonly string[];
}

export interface HammerResult {
  accepted: number;
  /** Of the events in the answers with 202. */
  eventIds: string[];
  /** Other answers than 2xx, time-outs and broken connections. */
  refused: number;
  seconds: number;
  latencyMs: { p50: number; p97_5: number; p99: number; max: number };
}

export async function hammer({ url, headers, connections, durationMs, bodies }: Hammer): Promise<HammerResult> {
  // Connections begin at different bodies, so that one webhook is not the first of all.
  const started = { connections: 0 };
  const eventIds: string[] = [];
  const onResponse = (status: number, answer: string): void => {
    if (status === ACCEPTED) eventIds.push(...eventIdsIn(answer));
  };
  const result = await autocannon({
    url,
    connections,
    duration: durationMs / 1_000,
    setupClient(client) {
      const first = (started.connections++ * 7) % bodies.length;
      const requests = [...bodies.slice(first), ...bodies.slice(0, first)];
      client.setRequests(requests.map((body) => ({ method: "POST", headers, body, onResponse })));
    },
  });
  const { p50, p97_5, p99, max } = result.latency;
  return {
    accepted: result["2xx"],
    eventIds,
    // Time-outs are among the errors.
    refused: result.non2xx + result.errors,
    seconds: result.duration,
    latencyMs: { p50, p97_5, p99, max },
  };
}

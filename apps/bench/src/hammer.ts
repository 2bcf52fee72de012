import autocannon from "autocannon";
import { eventIdsIn } from "./event-ids.js";

const ACCEPTED = 202;
const UNAVAILABLE = "503";
const TIMEOUT_SECONDS = 10;

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
  /** Answered with 503, or not within 10 s: the server says that it is full, or is slow. */
  putOff: number;
  /** Other answers, and broken connections. */
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
    timeout: TIMEOUT_SECONDS,
    duration: durationMs / 1_000,
    setupClient(client) {
      const first = (started.connections++ * 7) % bodies.length;
      const requests = [...bodies.slice(first), ...bodies.slice(0, first)];
      client.setRequests(requests.map((body) => ({ method: "POST", headers, body, onResponse })));
    },
  });
  const { p50, p97_5, p99, max } = result.latency;
  const full = result.statusCodeStats?.[UNAVAILABLE]?.count ?? 0;
  return {
    accepted: result["2xx"],
    eventIds,
    putOff: full + result.timeouts,
    // Time-outs are among the errors.
    refused: result.non2xx - full + result.errors - result.timeouts,
    seconds: result.duration,
    latencyMs: { p50, p97_5, p99, max },
  };
}

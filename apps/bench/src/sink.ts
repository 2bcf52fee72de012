import { type Server, type ServerResponse, createServer } from "node:http";
import { text } from "node:stream/consumers";
import type { Arrival } from "./arrival.js";
import { preciseNowMs } from "./clock.js";
import type { EventMark } from "./event-mark.js";

/** Of an endpoint that fails now and then. */
const FAILS_EACH = 10;

/** How an endpoint answers, as the first part of its path says: `/slow/500/name` answers after 500 ms. */
const BEHAVIOURS = ["well", "slow", "hangs", "fails"] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface Sink {
  server: Server;
  /** From now on the endpoints of these webhooks answer well, also requests that were left hanging; those of all unless told. */
  heal(webhooks?: readonly string[]): void;
}

/** Receives webhooks of all behaviours. @param tell gets each request as it comes */
export function createSink(tell: (arrival: Arrival) => void): Sink {
  const hanging = new Map<ServerResponse, string>();
  const failedOnce = new Set<string>();
  const healed = new Set<string>();
  let areAllHealed = false;

  function statusOf({ webhook, behaviour, mark, deliveryId }: SinkRequest): number | null {
    if (areAllHealed || healed.has(webhook)) return 200;
    if (behaviour === "hangs") return null;
    if (behaviour !== "fails" || mark.number % FAILS_EACH !== 0 || failedOnce.has(deliveryId)) return 200;
    failedOnce.add(deliveryId);
    return 500;
  }

  function hang(webhook: string, response: ServerResponse): void {
    hanging.set(response, webhook);
    response.once("close", () => hanging.delete(response));
  }

  const server = createServer((request, response) => {
    const receivedAtMs = preciseNowMs();
    const [, first, ...rest] = (request.url ?? "").split("/");
    const behaviour = BEHAVIOURS.find((name) => name === first);
    text(request)
      .then((body) => {
        const mark: EventMark = readMark(body);
        const webhook = rest.at(-1) ?? "";
        const deliveryId = String(request.headers["homing-delivery-id"]);
        const status = statusOf({ webhook, behaviour, mark, deliveryId });
        tell({ ...mark, webhook, receivedAtMs, status });
        if (status === null) return hang(webhook, response);
        response.statusCode = status;
        if (behaviour === "slow") setTimeout(() => response.end(), Number(rest[0]));
        else response.end();
      })
      // The sender went away before its request was whole.
      .catch(() => response.destroy());
  });
  return {
    server,
    heal(webhooks) {
      areAllHealed ||= webhooks === undefined;
      for (const webhook of webhooks ?? []) healed.add(webhook);
      for (const [response, webhook] of hanging) if (areAllHealed || healed.has(webhook)) response.end();
    },
  };
}

interface SinkRequest {
  webhook: string;
  behaviour: Behaviour | undefined;
  mark: EventMark;
  deliveryId: string;
}

/** Taken at its word: the load generator wrote it. */
function readMark(body: string): EventMark {
  const { phase, stream, number, dueAtMs } = JSON.parse(body);
  return { phase, stream, number, dueAtMs };
}

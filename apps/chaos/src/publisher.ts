import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parseEventId } from "@homing/core/events/event-id";
import type { NewEvent } from "./payloads.js";

const UNDER_WAY_MAX = 200;
const ANSWER_MS_MAX = 8_000;
const PAUSE_MS = 150;
const GIVE_UP_MS = 60_000;
// Timers that fire late are made up for; time without an API is not.
const CATCH_UP_MS_MAX = 200;

/** An event that was answered with 202. */
export interface Acknowledged {
  /** The UUID behind the id in the answer. */
  eventId: string;
  number: number;
  lane: string;
  payloadHash: string;
}

export interface Published {
  acknowledged: Acknowledged[];
  /** The numbers of events whose publisher gave up; they may exist all the same. */
  unacknowledged: number[];
  /** Answers that no repetition would change. */
  refusals: string[];
  /** When a publish broke off, was refused a connection or got a 5xx; it was repeated under its key. */
  errorTimesMs: number[];
}

export interface Publisher extends Published {
  /** Ends the load and waits for what is under way. */
  stop(): Promise<void>;
}

/** Publishes at a steady rate through all APIs in turn, as a careful producer does: under an Idempotency-Key until it is acknowledged. */
export function startPublisher(options: {
  urls: readonly [string, string];
  key: string;
  perSecond: number;
  draw: (number: number) => NewEvent;
  signal: AbortSignal;
}): Publisher {
  const { urls, key, perSecond, draw, signal } = options;
  const published: Published = { acknowledged: [], unacknowledged: [], refusals: [], errorTimesMs: [] };
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const ending = AbortSignal.any([signal, stopping.signal]);

  async function publish(number: number): Promise<void> {
    const { lane, body, payloadHash } = draw(number);
    const headers = {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      "idempotency-key": randomUUID(),
    };
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (let tries = 0; performance.now() < giveUpAt && !signal.aborted; tries++) {
      const answer = await ask(`${urls[(number + tries) % 2]}/v1/events`, { headers, body });
      if (answer?.status === 202) {
        published.acknowledged.push({ eventId: idIn(answer.text), number, lane, payloadHash });
        return;
      }
      if (answer !== null && answer.status < 500 && answer.status !== 429) {
        published.refusals.push(`event ${number} was answered with ${answer.status}: ${answer.text}`);
        return;
      }
      published.errorTimesMs.push(Date.now());
      await sleep(PAUSE_MS);
    }
    published.unacknowledged.push(number);
  }

  async function load(): Promise<void> {
    let dueMs = performance.now();
    for (let number = 1; !ending.aborted; number++) {
      const work: Promise<void> = publish(number).finally(() => underWay.delete(work));
      underWay.add(work);
      if (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
      dueMs = Math.max(dueMs + 1000 / perSecond, performance.now() - CATCH_UP_MS_MAX);
      await sleep(Math.max(0, dueMs - performance.now()));
    }
    await Promise.all(underWay);
  }

  const loading = load();
  return {
    ...published,
    async stop() {
      stopping.abort();
      await loading;
    },
  };
}

async function ask(
  url: string,
  request: { headers: Record<string, string>; body: string },
): Promise<{ status: number; text: string } | null> {
  try {
    const response = await fetch(url, { method: "POST", ...request, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    return { status: response.status, text: await response.text() };
  } catch {
    return null;
  }
}

function idIn(text: string): string {
  const { id }: { id: string } = JSON.parse(text);
  return parseEventId(id) ?? id;
}

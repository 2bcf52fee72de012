import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import type { EventMark } from "./event-mark.js";
import { payloadOf } from "./payloads.js";

const UNDER_WAY_MAX = 500;
/** For its head, and then for its body. */
const ANSWER_MS_MAX = 15_000;
const PAYLOAD_BYTES = 1_024;
const REFUSALS_KEPT_MAX = 5;

/** Events of one organization at a steady rate. */
export interface Stream {
  name: string;
  /** The organization's. */
  key: string;
  /** The events' types, in turn. */
  types: readonly string[];
  perSecond: number;
  /** Each is published once the one before was answered, so that their order is known. */
  isSequential?: boolean;
}

export interface Load {
  /** Unlike that of any other load. */
  phase: string;
  /** The API's. */
  url: string;
  streams: readonly Stream[];
  durationMs: number;
}

/** What a stream came to. */
export interface StreamResult {
  name: string;
  /** The numbers of the events that were answered with 202. */
  acknowledged: number[];
  /** Other answers, or none. */
  refused: number;
  /** The first of them. */
  refusals: string[];
}

/** Publishes every stream at its rate, whatever becomes of what was published, until the time is over or the signal comes. */
export async function runLoad({ url, ...load }: Load, signal: AbortSignal): Promise<StreamResult[]> {
  // Not by `fetch`, which takes more CPU for a publish than the API does.
  const api = new Pool(url, {
    connections: UNDER_WAY_MAX * load.streams.length,
    headersTimeout: ANSWER_MS_MAX,
    bodyTimeout: ANSWER_MS_MAX,
  });
  try {
    return await Promise.all(load.streams.map((stream) => runStream({ ...load, api }, stream, signal)));
  } finally {
    await api.destroy();
  }
}

/** A load, and the connections that it goes by. */
type Running = Omit<Load, "url"> & { api: Pool };

async function runStream(load: Running, stream: Stream, signal: AbortSignal): Promise<StreamResult> {
  const result: StreamResult = { name: stream.name, acknowledged: [], refused: 0, refusals: [] };
  const underWay = new Set<Promise<void>>();
  const underWayMax = stream.isSequential ? 1 : UNDER_WAY_MAX;
  const pauseMs = 1_000 / stream.perSecond;
  const beganMs = performance.now();
  let dueMs = beganMs + pauseMs * Math.random();
  for (let number = 1; dueMs < beganMs + load.durationMs && !signal.aborted; number++) {
    const earlyMs = dueMs - performance.now();
    // A timer of 0 takes a millisecond, and any comes up to one too soon.
    if (earlyMs > 0) await sleep(Math.ceil(earlyMs));
    while (underWay.size >= underWayMax) await Promise.race(underWay);
    const work: Promise<void> = publish({ load, stream, number, dueMs, result }).finally(() => underWay.delete(work));
    underWay.add(work);
    dueMs += pauseMs;
  }
  await Promise.all(underWay);
  return result;
}

interface Publishing {
  load: Running;
  stream: Stream;
  number: number;
  /** By `performance.now()`. */
  dueMs: number;
}

async function publish({ result, ...publishing }: Publishing & { result: StreamResult }): Promise<void> {
  const { number } = publishing;
  const refusal = await ask(publishing);
  if (refusal === null) {
    result.acknowledged.push(number);
    return;
  }
  result.refused += 1;
  if (result.refusals.length < REFUSALS_KEPT_MAX) result.refusals.push(refusal);
}

/** @returns null when it was acknowledged */
async function ask({ load, stream, number, dueMs }: Publishing): Promise<string | null> {
  const type = stream.types[number % stream.types.length];
  const dueAtMs = performance.timeOrigin + dueMs;
  const mark: EventMark = { phase: load.phase, stream: stream.name, number, dueAtMs };
  try {
    const { statusCode, body } = await load.api.request({
      method: "POST",
      path: "/v1/events",
      headers: { authorization: `Bearer ${stream.key}`, "content-type": "application/json" },
      body: `{"type":${JSON.stringify(type)},"payload":${markedPayload(mark)}}`,
    });
    const answer = await body.text();
    return statusCode === 202 ? null : `${statusCode} ${answer}`;
  } catch (error) {
    return String(error);
  }
}

/** A payload of the usual size. */
export function markedPayload(mark: EventMark): string {
  return payloadOf({ bytes: PAYLOAD_BYTES, members: mark, start: mark.number });
}

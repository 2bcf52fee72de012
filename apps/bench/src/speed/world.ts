import { setTimeout as sleep } from "node:timers/promises";
import { type CountingSink, startCountingSink } from "../counting-sink.js";
import { typeOf } from "../api-client.js";
import type { HammerResult } from "../hammer.js";
import type { Bench } from "../measure.js";
import { payloadOf } from "../payloads.js";
import { countMadeSince } from "./accounting.js";

const CONNECTIONS = 64;
const POLL_MS = 50;
const SETTLE_MS = 500;
const STILL_MS_MAX = 30_000;
/** What a process does first is slower: a rate is taken of the rest. */
const WARM_UP_PART = 0.2;

/** The workers of a measurement of speed: with so many attempts at once that their slots are not the limit. */
export const AT_SPEED = { isIsolating: true, concurrency: 200 };

/** Events as they are published, and who wants them. */
export interface Shape {
  webhooks: number;
  /** Webhooks that want each event. */
  fanOut: number;
  payloadBytes: number;
  /** How long the receivers take. */
  answerMs: number;
  /** Events in each request. */
  batch: number;
  /** Receivers speak https. */
  isTls: boolean;
}

export const USUAL: Shape = {
  webhooks: 100,
  fanOut: 1,
  payloadBytes: 1_024,
  answerMs: 0,
  batch: 1,
  isTls: false,
};

/** Webhooks of one shape on a sink of their own. */
export interface SpeedWorld {
  sink: CountingSink;
  shape: Shape;
  /** Publishes from 64 connections for so long, to the API unless told. */
  publish(name: string, durationMs: number, url?: string): Promise<HammerResult>;
  /** Publishes so many events in batches. @returns their ids */
  publishBatches(events: number): Promise<string[]>;
  /** Waits until so many more deliveries than at its call were received. @returns how fast they came, and when the last one did */
  drain(deliveries: number): Promise<Drained>;
}

export async function createSpeedWorld({ installation, api, session }: Bench, shape: Shape): Promise<SpeedWorld> {
  const sink = await startCountingSink(shape);
  session.onEnd(() => sink.stop());
  const typeCount = Math.max(1, shape.webhooks / shape.fanOut);
  const names = Array.from({ length: shape.webhooks }, (_, index) => `speed-${index + 1}`);
  const typeOfWebhook = new Map(names.map((name, index) => [name, typeOf(`shape-${index % typeCount}`)]));
  await api.makeWebhooks(names, (name) => ({
    url: sink.url(name, shape.answerMs),
    event_types: [typeOfWebhook.get(name) ?? ""],
  }));
  const types = [...new Set(typeOfWebhook.values())];
  const event = (type: string, start: number): string =>
    `{"type":"${type}","payload":${payloadOf({ bytes: shape.payloadBytes, members: { type }, start })}}`;
  const bodies = types.map((type, index) =>
    shape.batch === 1
      ? event(type, index)
      : `{"events":[${Array.from({ length: shape.batch }, (_, place) => event(type, index + place)).join(",")}]}`,
  );
  return {
    sink,
    shape,
    async publish(name, durationMs, url = installation.apiUrl) {
      const result = await installation.load.hammer(name, {
        url: `${url}/v1/events${shape.batch === 1 ? "" : "/batch"}`,
        headers: { authorization: `Bearer ${installation.key}`, "content-type": "application/json" },
        connections: CONNECTIONS,
        durationMs,
        bodies,
      });
      const idsMissing = result.accepted * shape.batch - result.eventIds.length;
      if (idsMissing !== 0)
        session.findings.push(`${name}: ${idsMissing} acknowledged events have no id in their answer`);
      if (result.refused > 0) session.findings.push(`${name}: ${result.refused} publishes were refused`);
      return result;
    },
    async publishBatches(events) {
      const ids: string[] = [];
      for (const type of types) {
        const count = Math.ceil(events / types.length);
        ids.push(...(await api.publishMany({ phase: "batches", stream: type, type, count })));
      }
      return ids;
    },
    drain: (deliveries) => drain(sink, deliveries),
  };
}

/** What came of publishing as much as the API took, and of waiting for the deliveries. */
export interface Saturation {
  published: HammerResult;
  deliveries: number;
  /** Deliveries, over the whole time. */
  perSecond: number;
}

export async function saturate(
  bench: Bench,
  world: SpeedWorld,
  { name, durationMs, url }: { name: string; durationMs: number; url?: string },
): Promise<Saturation> {
  const sinceMs = Date.now();
  const received = world.sink.counts().deliveries;
  const startedAtMs = performance.now();
  const published = await world.publish(name, durationMs, url);
  // What was cut off at the end may still be committed.
  await sleep(SETTLE_MS);
  const made = await countMadeSince(bench, sinceMs);
  const drained = await world.drain(made - (world.sink.counts().deliveries - received));
  const elapsedMs = drained.endedAtMs - startedAtMs;
  const deliveries = world.sink.counts().deliveries - received;
  return { published, deliveries, perSecond: (deliveries * 1_000) / elapsedMs };
}

export interface Drained {
  perSecond: number;
  /** By `performance.now()`. */
  endedAtMs: number;
}

async function drain(sink: CountingSink, deliveries: number): Promise<Drained> {
  const before = sink.counts().deliveries;
  const target = before + deliveries;
  let warm: { atMs: number; deliveries: number } | null = null;
  let last = { atMs: performance.now(), deliveries: before };
  while (last.deliveries < target) {
    await sleep(POLL_MS);
    const now = sink.counts().deliveries;
    if (now > last.deliveries) last = { atMs: performance.now(), deliveries: now };
    if (warm === null && now >= before + deliveries * WARM_UP_PART) warm = { ...last };
    if (performance.now() > last.atMs + STILL_MS_MAX) {
      throw new Error(
        `${target - now} of ${deliveries} deliveries did not come within ${STILL_MS_MAX / 1_000} s of the last one`,
      );
    }
  }
  const { atMs, deliveries: from } = warm ?? last;
  return { perSecond: ((last.deliveries - from) * 1_000) / (last.atMs - atMs), endedAtMs: last.atMs };
}

import { WEBHOOK_NAMES, webhooksOf } from "../src/lanes.js";
import type { AttemptRow, DeliveryRow, Ledger } from "../src/ledger.js";
import type { RequestRecord } from "../src/request-record.js";
import type { Waiting } from "../src/recovery.js";
import type { StruckFault } from "../src/strike.js";

const AT_MS = 1_000;

/** What is on record when so many events went through without a fault. */
export function ledgerOf({ events: count, lane = "well-1" }: { events: number; lane?: string }): Ledger {
  const webhooks = WEBHOOK_NAMES.map((name) => ({ id: `webhook of ${name}`, name }));
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const events = numbers.map((number) => ({
    id: `event-${number}`,
    number: String(number),
    payloadHash: `hash-${number}`,
  }));
  const deliveries = events.flatMap(({ id }) =>
    webhooksOf(lane).map((name) => ({
      id: `${id} to ${name}`,
      eventId: id,
      webhookId: `webhook of ${name}`,
      state: "succeeded",
    })),
  );
  const acknowledged = events.map((event) => ({
    eventId: event.id,
    number: Number(event.number),
    lane,
    payloadHash: event.payloadHash,
  }));
  const ledger: Ledger = {
    published: { acknowledged, unacknowledged: [], refusals: [], errorTimesMs: [] },
    webhooks,
    events,
    deliveries,
    attempts: deliveries.map((delivery) => attemptOf(delivery)),
    requests: [],
    faults: [],
  };
  return { ...ledger, requests: deliveries.map((delivery) => requestOf(ledger, delivery)) };
}

/** A request of the delivery as its receiver took it. */
export function requestOf(ledger: Ledger, delivery: DeliveryRow, own: Partial<RequestRecord> = {}): RequestRecord {
  return {
    webhook: ledger.webhooks.find(({ id }) => id === delivery.webhookId)?.name ?? "",
    eventId: delivery.eventId,
    deliveryId: delivery.id,
    timestamp: String(AT_MS / 1_000),
    receivedMs: AT_MS,
    endedMs: AT_MS + 10,
    status: 200,
    isComplete: true,
    bodyHash: ledger.events.find(({ id }) => id === delivery.eventId)?.payloadHash ?? "",
    signature: "valid",
    ...own,
  };
}

export function attemptOf(delivery: DeliveryRow, own: Partial<AttemptRow> = {}): AttemptRow {
  return { deliveryId: delivery.id, series: 1, number: 1, outcome: "responded", startedMs: AT_MS, ...own };
}

/** These as their first attempt was claimed. */
export function inFlightOf(deliveries: readonly DeliveryRow[]): Waiting[] {
  return deliveries.map(({ id, webhookId }) => ({ id, webhookId, series: 1, attempts: 1, isInFlight: true }));
}

/** A worker that was killed at that time. */
export function faultAt(struckMs: number, own: Partial<StruckFault> = {}): StruckFault {
  return {
    name: "worker kill -9",
    beganMs: struckMs,
    struckMs,
    recoveryMs: 100,
    inFlight: [],
    mayRepeat: own.name === undefined ? "claimed" : "nothing",
    isWorkerKill: own.name === undefined,
    ...own,
  };
}

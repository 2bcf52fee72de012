import type { Findings } from "./findings.js";
import { groupBy } from "./group-by.js";
import { mustSucceed, webhooksOf } from "./lanes.js";
import type { DeliveryRow, Ledger } from "./ledger.js";
import type { RequestRecord } from "./request-record.js";

const UNFINISHED = new Set(["pending", "in_flight", "held", "behind_circuit"]);

/** Whether the receiver said 2xx; the rest of its answer may never have ended. */
export function isTaken({ status }: RequestRecord): boolean {
  return status !== null && status >= 200 && status < 300;
}

/** Holds every promise against the database, and what the database says against what the receivers saw. */
export function accountFor(ledger: Ledger, findings: Findings): void {
  accountForEvents(ledger, findings);
  accountForDeliveries(ledger, findings);
  accountForRequests(ledger, findings);
}

function accountForEvents({ published, webhooks, events, deliveries }: Ledger, findings: Findings): void {
  const hashes = new Map(events.map(({ id, payloadHash }) => [id, payloadHash]));
  const webhookIds = new Map(webhooks.map(({ id, name }) => [name, id]));
  const made = new Set(deliveries.map(({ eventId, webhookId }) => `${eventId} ${webhookId}`));
  for (const { eventId, lane, payloadHash } of published.acknowledged) {
    const hash = hashes.get(eventId);
    if (hash === undefined) findings.add("lost", `event ${eventId} was acknowledged and is not there`);
    else if (hash !== payloadHash) findings.add("lost", `event ${eventId} was stored with other bytes`);
    for (const name of webhooksOf(lane)) {
      if (made.has(`${eventId} ${webhookIds.get(name)}`)) continue;
      findings.add("lost", `event ${eventId} has no delivery to ${name}`);
    }
  }
  const numbered = groupBy(
    events.filter(({ number }) => number !== null),
    ({ number }) => number,
  );
  for (const [number, twins] of numbered) {
    if (twins.length > 1) findings.add("published_twice", `number ${number}: ${twins.map(({ id }) => id).join(", ")}`);
  }
  for (const refusal of published.refusals) findings.add("publish_refused", refusal);
}

function accountForDeliveries({ webhooks, events, deliveries, requests }: Ledger, findings: Findings): void {
  const names = new Map(webhooks.map(({ id, name }) => [id, name]));
  const hashes = new Map(events.map(({ id, payloadHash }) => [id, payloadHash]));
  const byDelivery = groupBy(requests, ({ deliveryId }) => deliveryId);
  for (const delivery of deliveries) {
    const { id, eventId, state } = delivery;
    const name = names.get(delivery.webhookId) ?? "";
    // Whoever waits for a receiver that never gets well is where it should be.
    if (state === "behind_circuit" && !mustSucceed(name)) continue;
    if (UNFINISHED.has(state)) {
      findings.add("stuck", `delivery ${id} to ${name} is ${state}`);
      continue;
    }
    const hash = hashes.get(eventId);
    const isReceived = byDelivery.get(id)?.some((request) => isTaken(request) && request.bodyHash === hash) ?? false;
    if (state === "succeeded" && !isReceived) {
      findings.add("lost", `delivery ${id} to ${name} counts as succeeded and was never taken by its receiver`);
    }
    if (state !== endOf(name)) findings.add("ended_wrongly", `delivery ${id} to ${name} is ${state}`);
  }
}

function endOf(name: string): DeliveryRow["state"] {
  return mustSucceed(name) ? "succeeded" : "failed";
}

function accountForRequests({ webhooks, events, deliveries, requests }: Ledger, findings: Findings): void {
  const hashes = new Map(events.map(({ id, payloadHash }) => [id, payloadHash]));
  const names = new Map(webhooks.map(({ id, name }) => [id, name]));
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]));
  for (const { deliveryId, webhook, bodyHash, signature } of requests) {
    const delivery = byId.get(deliveryId);
    const isExpected =
      delivery && names.get(delivery.webhookId) === webhook && hashes.get(delivery.eventId) === bodyHash;
    if (!isExpected) findings.add("unexpected_body", `a request of delivery ${deliveryId || "?"} at ${webhook}`);
    if (signature === "invalid") findings.add("invalid_signature", `a request of delivery ${deliveryId} at ${webhook}`);
  }
}

import { describe, expect, test } from "@jest/globals";
import { judge } from "../src/judge.js";
import { byOneClock, type Ledger } from "../src/ledger.js";
import { attemptOf, faultAt, inFlightOf, ledgerOf, requestOf } from "./ledger-of.js";

/** Kinds and counts of what the judge finds. */
function found(ledger: Ledger): Record<string, number> {
  return Object.fromEntries(judge(ledger).findings.map(({ kind, count }) => [kind, count]));
}

describe("the judge", () => {
  test("finds nothing where every delivery was taken once, whole and signed", () => {
    const verdict = judge(ledgerOf({ events: 3 }));
    expect(verdict.findings).toEqual([]);
    expect(verdict.totals).toMatchObject({
      acknowledged: 3,
      deliveries: 6,
      succeeded: 6,
      lost: 0,
      stuck: 0,
      duplicates: 0,
    });
  });

  test("finds a fault after which nothing came through in time", () => {
    const ledger = ledgerOf({ events: 1 });
    expect(found({ ...ledger, faults: [{ ...faultAt(5), recoveryMs: null }] })).toEqual({ not_recovered: 1 });
  });

  test("finds an acknowledged event that is not in the database", () => {
    const ledger = ledgerOf({ events: 2 });
    expect(found({ ...ledger, events: ledger.events.slice(1) })).toMatchObject({ lost: expect.any(Number) });
  });

  test("finds a delivery that was never made", () => {
    const ledger = ledgerOf({ events: 2 });
    const [gone, ...deliveries] = ledger.deliveries;
    const requests = ledger.requests.filter(({ deliveryId }) => deliveryId !== gone?.id);
    const attempts = ledger.attempts.filter(({ deliveryId }) => deliveryId !== gone?.id);
    expect(found({ ...ledger, deliveries, attempts, requests })).toEqual({ lost: 1 });
  });

  test("finds a delivery that counts as succeeded and that its receiver never saw", () => {
    const ledger = ledgerOf({ events: 2 });
    expect(found({ ...ledger, requests: ledger.requests.slice(1) })).toEqual({ lost: 1, never_sent: 1 });
  });

  test("does not take a receiver's 500 for a success", () => {
    const ledger = ledgerOf({ events: 1 });
    const requests = ledger.requests.map((request, index) => (index === 0 ? { ...request, status: 500 } : request));
    expect(found({ ...ledger, requests })).toEqual({ lost: 1 });
  });

  test("finds an event that was stored with other bytes, and requests with other bytes than were stored", () => {
    const ledger = ledgerOf({ events: 1 });
    const events = ledger.events.map((event) => ({ ...event, payloadHash: "other" }));
    expect(found({ ...ledger, events })).toMatchObject({ lost: 3, unexpected_body: 2 });
  });

  test.each(["pending", "in_flight", "held"])("finds a delivery that is still %s", (state) => {
    const ledger = ledgerOf({ events: 1 });
    const deliveries = ledger.deliveries.map((delivery, index) => (index === 0 ? { ...delivery, state } : delivery));
    expect(found({ ...ledger, deliveries })).toEqual({ stuck: 1 });
  });

  test.each([
    ["finds", "well-1", { stuck: 1 }],
    ["passes over", "refuses", {}],
  ])("%s a delivery that waits behind the open circuit of %s", (_, name, expected) => {
    const ledger = ledgerOf({ events: 1, lane: name });
    const webhook = ledger.webhooks.find((one) => one.name === name);
    const waiting = ledger.deliveries.find(({ webhookId }) => webhookId === webhook?.id);
    const deliveries = ledger.deliveries.map((one) => (one === waiting ? { ...one, state: "behind_circuit" } : one));
    const requests = ledger.requests.filter(({ deliveryId }) => deliveryId !== waiting?.id);
    const attempts = ledger.attempts.filter(({ deliveryId }) => deliveryId !== waiting?.id);
    expect(found({ ...ledger, deliveries, requests, attempts })).toEqual(expected);
  });

  test("finds a delivery that failed though its receiver was well, and not one whose receiver never is", () => {
    const [well, ill] = [ledgerOf({ events: 1 }), ledgerOf({ events: 1, lane: "refuses" })];
    const failing = (ledger: Ledger, name: string): Ledger => {
      const webhook = ledger.webhooks.find((one) => one.name === name);
      const deliveries = ledger.deliveries.map((one) =>
        one.webhookId === webhook?.id ? { ...one, state: "failed" } : one,
      );
      return { ...ledger, deliveries };
    };
    expect(found(failing(well, "well-1"))).toEqual({ ended_wrongly: 1 });
    expect(found(failing(ill, "refuses"))).toEqual({});
  });

  test("finds a request at the wrong receiver, one of no known delivery, and a false signature", () => {
    const ledger = ledgerOf({ events: 1 });
    const [first, ...others] = ledger.requests;
    if (first === undefined) throw new Error("there are no requests");
    const strange = [
      { ...first, webhook: "well-3" },
      { ...first, deliveryId: "unknown" },
      { ...first, signature: "invalid" as const, status: null, isComplete: false },
    ];
    expect(found({ ...ledger, requests: [first, ...others, ...strange] })).toMatchObject({
      unexpected_body: 2,
      invalid_signature: 1,
    });
  });

  test("finds an event that was published twice under one number", () => {
    const ledger = ledgerOf({ events: 1 });
    const [event] = ledger.events;
    if (event === undefined) throw new Error("there are no events");
    expect(found({ ...ledger, events: [event, { ...event, id: "another" }] })).toEqual({ published_twice: 1 });
  });
});

describe("repeats", () => {
  const ledger = ledgerOf({ events: 3 });
  const [first, second] = ledger.deliveries;
  if (first === undefined || second === undefined) throw new Error("there are no deliveries");
  const again = [first, second].map((delivery) => requestOf(ledger, delivery, { receivedMs: 5_000, endedMs: 5_010 }));
  const repeated = { ...ledger, requests: [...ledger.requests, ...again] };
  const inFlight = inFlightOf([first, second]);

  test("are counted for the fault before them, and allowed up to what was in flight", () => {
    const verdict = judge({
      ...repeated,
      faults: [faultAt(4_000, { inFlight }), faultAt(9_000, { name: "later" })],
    });
    expect(verdict.findings).toEqual([]);
    expect(verdict.totals.duplicates).toBe(2);
    expect(verdict.faults).toMatchObject([
      { fault: "later", duplicates: 0, unrecorded: 0 },
      { fault: "worker kill -9", duplicates: 2, unrecorded: 2 },
    ]);
  });

  test("beyond what was in flight are found", () => {
    const faults = [faultAt(4_000, { inFlight: inFlight.slice(1) })];
    expect(found({ ...repeated, faults })).toEqual({ repeated_too_often: 1, unrecorded_too_often: 1 });
  });

  test("that come after the next fault belong to the one at which they were in flight", () => {
    const faults = [faultAt(4_000, { inFlight }), faultAt(4_900, { name: "later" })];
    expect(found({ ...repeated, faults })).toEqual({});
    expect(found({ ...repeated, faults: [faultAt(4_000), faultAt(4_900, { name: "later" })] })).not.toEqual({});
  });

  test.each([
    ["had then", 1_100, {}],
    ["got only then", 4_500, { repeated_too_often: 1, unrecorded_too_often: 1 }],
    ["no longer had", 3_000, { repeated_too_often: 1, unrecorded_too_often: 1 }],
  ])("of what receivers %s are allowed for a fault of the database: %d", (_, atMs, expected) => {
    const faults = [faultAt(atMs, { name: "Postgres stop", mayRepeat: "received" })];
    expect(found({ ...repeated, faults })).toEqual(expected);
  });

  test("before the first fault are found", () => {
    expect(found({ ...repeated, faults: [faultAt(6_000, { inFlight })] })).toMatchObject({
      repeated_too_often: 1,
    });
  });

  test("with a row for each are duplicates, and not without a row", () => {
    const attempts = [
      ...ledger.attempts,
      ...[first, second].map((one) => attemptOf(one, { number: 2, startedMs: 5_000 })),
    ];
    const verdict = judge({ ...repeated, attempts, faults: [faultAt(4_000, { inFlight })] });
    expect(verdict.faults).toMatchObject([{ duplicates: 2, unrecorded: 0 }]);
  });

  test("of an answer that the sender did not wait for are no duplicates", () => {
    const cut = repeated.requests.map((request) => ({ ...request, isComplete: request.receivedMs === 5_000 }));
    expect(judge({ ...repeated, requests: cut, faults: [faultAt(4_000, { inFlight })] }).totals.duplicates).toBe(0);
  });
});

describe("a killed worker", () => {
  const ledger = ledgerOf({ events: 2 });
  const inFlight = inFlightOf(ledger.deliveries.slice(0, 2));
  const kill = faultAt(2_000, { inFlight });

  test("left behind what has no attempt begun before the kill; the longest wait counts", () => {
    const [one, other] = ledger.deliveries;
    if (one === undefined || other === undefined) throw new Error("there are no deliveries");
    const rest = ledger.attempts.filter(({ deliveryId }) => deliveryId !== one.id && deliveryId !== other.id);
    const attempts = [
      ...rest,
      attemptOf(one, { number: 2, startedMs: 14_000 }),
      // Given back under its old number.
      attemptOf(other, { number: 1, startedMs: 9_500 }),
    ];
    expect(judge({ ...ledger, attempts, faults: [kill] }).faults).toMatchObject([
      { orphans: 2, triedAgainSeconds: 12 },
    ]);
  });

  test("left nothing behind where another worker had them", () => {
    expect(judge({ ...ledger, faults: [kill] }).faults).toMatchObject([{ orphans: 0, inFlight: 2 }]);
  });

  test("whose deliveries were never tried again has no time", () => {
    const attempts = ledger.attempts.filter(({ deliveryId }) => deliveryId !== inFlight[0]?.id);
    expect(judge({ ...ledger, attempts, faults: [kill] }).faults).toMatchObject([
      { orphans: 1, triedAgainSeconds: null },
    ]);
  });
});

test("an attempt began when its request was received, whatever its worker's clock said; without a request, by that clock", () => {
  const ledger = ledgerOf({ events: 1 });
  const [one, other] = ledger.deliveries;
  if (one === undefined || other === undefined) throw new Error("there are no deliveries");
  const attempts = [
    attemptOf(one, { number: 1, startedMs: 300_700 }),
    attemptOf(one, { number: 2, startedMs: 5_950 }),
    attemptOf(other, { startedMs: 300_100 }),
  ];
  const requests = [
    requestOf(ledger, one, { receivedMs: 705, timestamp: "300" }),
    requestOf(ledger, one, { receivedMs: 6_003, timestamp: "5" }),
  ];
  expect(byOneClock({ attempts, requests }).map(({ startedMs }) => startedMs)).toEqual([705, 6_003, 300_100]);
});

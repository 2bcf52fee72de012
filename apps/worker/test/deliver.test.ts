import { setImmediate } from "node:timers/promises";
import type { AttemptMade, AttemptReport } from "@homing/core/deliveries/attempt";
import type { AttemptHint } from "@homing/core/deliveries/attempt-statements";
import { createLogger } from "@homing/runtime/logger";
import { expect, test } from "@jest/globals";
import { createDeliver } from "../src/deliver.js";

const JOB = {
  deliveryId: "018f0000-0000-7000-8000-000000000001",
  webhookId: "018f0000-0000-7000-8000-000000000003",
  series: 2,
  number: 3,
};

const KEEP_SLOT = (): void => undefined;

const MADE: AttemptMade = {
  outcome: "attempted",
  claim: {
    deliveryId: JOB.deliveryId,
    organizationId: "o1",
    webhookId: JOB.webhookId,
    eventId: "01939b3c-0000-7000-8000-000000000001",
    eventName: "evt_01HW000000E000G00000000002",
    eventType: "invoice.paid",
    payload: '{"a":"secret-ü"}',
    series: 2,
    number: 3,
    place: 3,
    trigger: "manual",
    url: "https://receiver.test/?token=secret",
    timeoutMs: 1_000,
    inFlightMax: 10,
    circuit: "closed",
    isOrdered: false,
    isReleasing: false,
    headersSealed: "secret",
    authSealed: "secret",
    tlsSealed: "secret",
    signatureFormats: [],
    retryPolicy: "standard",
    secrets: [{ id: "s1", sealed: "secret" }],
    signingKeys: [{ id: "k1", sealed: "secret" }],
  },
  result: { outcome: "responded", status: 500, headers: { cookie: "secret" }, bodyText: "secret", durationMs: 12.6 },
  record: { outcome: "settled", settlement: { state: "pending", delayMs: 5_000, error: "responded 500" } },
};

async function deliver(report: AttemptReport) {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ service: "test", level: "info" }, { write: (line) => lines.push(JSON.parse(line)) });
  const asked: AttemptHint[] = [];
  const attempts = {
    attempt: (hint: AttemptHint) => {
      asked.push(hint);
      return Promise.resolve(report);
    },
  };
  return { outcome: await createDeliver({ attempts, log }).run(JOB, KEEP_SLOT), lines, asked };
}

test("the job's delivery is attempted, and a receiver's failure completes the job", async () => {
  const { outcome, asked } = await deliver(MADE);
  expect(asked).toEqual([JOB]);
  expect(outcome).toEqual({ outcome: "responded", responseStatus: 500, durationMs: 13 });
});

test("an attempt leaves one wide line, without secrets or bodies", async () => {
  const { lines } = await deliver(MADE);
  expect(lines).toEqual([
    expect.objectContaining({
      message: "delivery.attempted",
      organization_id: "o1",
      event_id: expect.stringMatching(/^evt_[0-9A-Z]{26}$/),
      event_type: "invoice.paid",
      webhook_id: JOB.webhookId,
      delivery_id: JOB.deliveryId,
      series: 2,
      attempt: 3,
      trigger: "manual",
      outcome: "responded",
      response_status: 500,
      duration_ms: 13,
      payload_bytes: 17,
      state: "pending",
      retry_in_ms: 5_000,
    }),
  ]);
  expect(JSON.stringify(lines)).not.toContain("secret");
});

test("a network failure has no status, and a late record says so", async () => {
  const result = { outcome: "timeout", error: "too slow", durationMs: 1_000 } as const;
  const { outcome, lines } = await deliver({ ...MADE, result, record: { outcome: "late" } });
  expect(outcome).toEqual({ outcome: "timeout", responseStatus: null, durationMs: 1_000 });
  expect(lines).toMatchObject([{ outcome: "timeout", response_status: null, state: "late", retry_in_ms: null }]);
});

test("a job that comes too early asks to be run later, one with nothing to do completes; neither leaves a line", async () => {
  expect(await deliver({ outcome: "too_early", byMs: 250 })).toMatchObject({
    outcome: { tooEarlyByMs: 250 },
    lines: [],
  });
  expect(await deliver({ outcome: "nothing_to_do" })).toMatchObject({
    outcome: { outcome: "nothing_to_do" },
    lines: [],
  });
});

test("our own fault fails the job", async () => {
  const attempts = {
    attempt: () => Promise.reject(new Error("the database is away")),
    renewLeases: () => Promise.resolve(),
  };
  const { run } = createDeliver({ attempts, log: createLogger({ service: "test", level: "silent" }) });
  await expect(run(JOB, KEEP_SLOT)).rejects.toThrow("the database is away");
});

test("is not idle while hints wait for the slots of those that end", async () => {
  const waiting = [JOB, JOB, JOB];
  const log = createLogger({ service: "test", level: "silent" });
  let ended = 0;
  const attempt = () => setImmediate(MADE).finally(() => (ended += 1));
  const { run, idle } = createDeliver({ attempts: { attempt }, log });
  // One slot: each begins some microtasks after the end of the one before.
  const next = async (): Promise<void> => {
    const hint = waiting.shift();
    if (hint === undefined) return;
    await run(hint, KEEP_SLOT);
    for (let turns = 0; turns < 10; turns++) await Promise.resolve();
    await next();
  };
  void next();
  await idle();
  expect(ended).toBe(3);
});

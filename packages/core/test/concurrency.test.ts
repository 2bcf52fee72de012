import { makePartitions } from "@homing/db/partitions";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { claimPlain } from "../src/deliveries/claim-plain.js";
import { recordAttempts } from "../src/deliveries/record.js";
import { mayBePlain, recordPlain } from "../src/deliveries/record-plain.js";
import { relayDeliveries } from "../src/deliveries/relay.js";
import { releaseHeld } from "../src/deliveries/release-held.js";
import { SYSTEM } from "../src/audit-log/actor.js";
import { RETRYABLE_STATES, retryDeliveries } from "../src/deliveries/retry.js";
import { publishEvents } from "../src/events/publish.js";
import { disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import { newOrganization, newWebhook, openWorld, publishOne, REFUSED, responded, type World } from "./world.js";

const DURATION_MS = 5_000;
const EVENTS = 50;
const WEBHOOKS = 4;
const BATCH_MAX = 60;
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
const FAST = { delaysSeconds: [0, 0, 0], jitter: 0, finalStatuses: [] };

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

function some<Item>(items: readonly Item[]): Item[] {
  return Array.from(
    { length: Math.ceil(Math.random() * BATCH_MAX) },
    () => items[Math.floor(Math.random() * items.length)],
  ).filter((item) => item !== undefined);
}

test("publishing, claiming, recording, retrying, relaying, holding and maintaining at once never deadlock nor break a delivery", async () => {
  const organizationId = await newOrganization(world);
  const webhooks = await Promise.all(
    Array.from({ length: WEBHOOKS }, () => newWebhook(world, organizationId, { retryPolicy: FAST })),
  );
  const ids: string[] = [];
  for (let event = 0; event < EVENTS; event++) ids.push(...(await publishOne(world, organizationId)).deliveryIds);
  const made: { id: string; series: number; number: number }[] = [];
  const until = performance.now() + DURATION_MS;
  const errors: unknown[] = [];
  const loop = async (work: () => Promise<unknown>) => {
    while (performance.now() < until) await work().catch((error: unknown) => errors.push(error));
  };
  const deliver = async () => {
    const asked = some(ids);
    const plain = (await claimPlain(world.context, asked)).filter((claim) => claim !== null);
    const outcomes = await claimDeliveries(world.context, asked);
    const claims = [...plain, ...outcomes.flatMap((outcome) => (outcome.outcome === "claimed" ? [outcome.claim] : []))];
    // Half of them are recorded twice, and some only after their lease was taken from them.
    await world.db.$executeRaw`
      UPDATE deliveries SET lease_until = now(), relay_at = now() WHERE state = 'in_flight' AND random() < 0.02
        AND id IN (SELECT id FROM deliveries WHERE state = 'in_flight' ORDER BY id FOR UPDATE SKIP LOCKED)`;
    const attempts = claims.map((claim) => ({
      claim,
      result: Math.random() < 0.3 ? responded(200) : REFUSED,
      requestHeaders: {},
      sentAtMs: Date.now(),
    }));
    for (const { deliveryId: id, series, number } of claims) made.push({ id, series, number });
    const plainly = attempts.filter((_, index) => index % 2 === 0).filter(mayBePlain);
    await Promise.all([recordPlain(world.context, plainly), recordPlain(world.context, plainly)]);
    if (attempts.length > 0)
      await Promise.all([recordAttempts(world.context, attempts), recordAttempts(world.context, attempts)]);
  };
  let weeks = 10;
  await Promise.all([
    loop(deliver),
    loop(deliver),
    loop(deliver),
    loop(() =>
      retryDeliveries(
        world.context,
        [some(ids), some(ids)].map((deliveryIds) => ({
          organizationId,
          deliveryIds,
          states: RETRYABLE_STATES,
          receivedAtMs: performance.now(),
          actor: SYSTEM,
        })),
      ),
    ),
    loop(() => relayDeliveries(world.context, { limit: 50, lostAgeMs: Math.random() < 0.5 ? 0 : null })),
    loop(() => publishEvents(world.context, [{ organizationId, events: [{ type: "a", payload: "{}" }] }])),
    loop(() => releaseHeld(world.context, { limit: 50 })),
    loop(async () => {
      const webhookId = webhooks[Math.floor(Math.random() * WEBHOOKS)]?.id ?? "";
      await disableWebhook(world.context, { organizationId, webhookId }, "by hand");
      await enableWebhook(world.context, { organizationId, webhookId });
    }),
    loop(() => makePartitions(world.db, Date.now() + (weeks += 7) * WEEK_MS)),
  ]);
  expect(errors).toEqual([]);

  const names = made.map(({ id, series, number }) => `${id} ${series} ${number}`);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(200);
  expect(await world.db.attempt.count()).toBe(names.length);
  const [broken] = await world.db.$queryRaw<{ miscounted: bigint; stuck: bigint }[]>`
    SELECT count(*) FILTER (WHERE attempts_total <> (SELECT count(*) FROM attempts WHERE delivery_id = deliveries.id)) AS miscounted,
           count(*) FILTER (WHERE attempts_in_series > 4) AS stuck
    FROM deliveries WHERE id = ANY (${ids}::uuid[])`;
  expect(broken).toEqual({ miscounted: 0n, stuck: expect.anything() });
});

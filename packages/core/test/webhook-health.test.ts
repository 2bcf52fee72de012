import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { waitFor } from "@homing/local/wait-for";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { recordAttempts } from "../src/deliveries/record.js";
import type { SendResult } from "../src/outcome.js";
import { getWebhook } from "../src/webhooks/read.js";
import { disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import {
  ABORTED,
  attemptOnce,
  claimOne,
  newOrganization,
  newWebhook,
  only,
  openWorld,
  publishOne,
  recordOne,
  REFUSED,
  responded,
  rowOf,
  shiftTime,
  type World,
} from "./world.js";

const MINUTE_MS = 60 * 1000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

/** A webhook, and another of its organization that wants to hear of Homing's own events. */
async function newListened() {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId, { eventTypes: ["invoice.*"] });
  await newWebhook(world, organizationId, { eventTypes: ["homing.*"] });
  const name = { organizationId, webhookId };
  return {
    ...name,
    name,
    webhook: () => getWebhook(world.context, name),
    notices: async () => {
      const notices = await world.db.notice.findMany({ where: { organizationId }, orderBy: { id: "asc" } });
      return notices.map(({ type, payload }): unknown => ({ type, payload: JSON.parse(payload) }));
    },
    publish: async () => only((await publishOne(world, organizationId)).deliveryIds),
    /** Publishes an event and makes its first attempt. */
    attempt: async (result: SendResult) => {
      const deliveryId = only((await publishOne(world, organizationId)).deliveryIds);
      await attemptOnce(world, deliveryId, result);
      return deliveryId;
    },
    /** As if it had been failing for so long already. */
    failFor: async (forMs: number) => {
      await world.db.$executeRaw`
        UPDATE webhooks SET failing_since = now() - ${forMs} * interval '1 millisecond' WHERE id = ${webhookId}::uuid`;
      return (await getWebhook(world.context, name)).failingSince;
    },
    /** Changes with every write of the row. */
    version: async () =>
      only(await world.db.$queryRaw<{ xmin: string }[]>`SELECT xmin::text FROM webhooks WHERE id = ${webhookId}::uuid`)
        .xmin,
  };
}

test("a webhook is failing since its first failure, until a success", async () => {
  const { attempt, webhook } = await newListened();
  expect((await webhook()).failingSince).toBeNull();
  const row = await rowOf(world, await attempt(REFUSED));
  const { failingSince } = await webhook();
  expect(failingSince).toEqual(row.updatedAt);
  await attempt(responded(500));
  expect((await webhook()).failingSince).toEqual(failingSince);
  await attempt(responded(204));
  expect((await webhook()).failingSince).toBeNull();
});

test("while nothing changes its row is not written", async () => {
  const { attempt, version } = await newListened();
  await attempt(responded(200));
  const proven = await version();
  await attempt(responded(200));
  expect(await version()).toBe(proven);
  await attempt(REFUSED);
  const failing = await version();
  expect(failing).not.toBe(proven);
  await attempt(REFUSED);
  expect(await version()).toBe(failing);
});

test("one success among the failures of a batch counts", async () => {
  const { organizationId, webhook, failFor } = await newListened();
  await failFor(1_000);
  const published = [await publishOne(world, organizationId), await publishOne(world, organizationId)];
  const claims = await Promise.all(published.map(({ deliveryIds }) => claimOne(world, only(deliveryIds))));
  await recordAttempts(
    world.context,
    claims.map((claim, index) => ({
      claim,
      result: responded(index === 0 ? 500 : 200),
      requestHeaders: {},
      sentAtMs: Date.now(),
    })),
  );
  expect((await webhook()).failingSince).toBeNull();
});

test("neither our own stop nor a late result says anything of a webhook", async () => {
  const { organizationId, attempt, webhook } = await newListened();
  await attempt(ABORTED);
  expect((await webhook()).failingSince).toBeNull();
  const deliveryId = only((await publishOne(world, organizationId)).deliveryIds);
  const lost = await claimOne(world, deliveryId);
  await shiftTime(world, deliveryId, MINUTE_MS);
  await attemptOnce(world, deliveryId, responded(200));
  await recordOne(world, lost, REFUSED);
  expect((await webhook()).failingSince).toBeNull();
});

test("a failure after five days of failures disables it, says why, and tells of it", async () => {
  const { webhookId, organizationId, attempt, webhook, notices, failFor } = await newListened();
  const failedSince = await failFor(5 * DAY_MS + MINUTE_MS);
  const deliveryId = await attempt(responded(500));
  const { state, disabledReason, disabledAt, failingSince } = await webhook();
  expect(failingSince).toEqual(failedSince);
  expect({ state, disabledReason }).toEqual({
    state: "disabled",
    disabledReason: "every attempt has failed for 5 days",
  });
  expect(await notices()).toEqual([
    {
      type: "homing.webhook.disabled",
      payload: { webhook_id: webhookId, reason: disabledReason, disabled_at: disabledAt?.toISOString() },
    },
  ]);
  expect((await rowOf(world, deliveryId)).state).toBe("pending");
  const next = only((await publishOne(world, organizationId)).deliveryIds);
  expect((await rowOf(world, next)).state).toBe("held");
});

test("less than five days of failures, or an unused webhook, disable nothing", async () => {
  const { attempt, webhook, notices, failFor } = await newListened();
  await failFor(5 * DAY_MS - MINUTE_MS);
  await attempt(responded(500));
  expect((await webhook()).state).toBe("enabled");
  await failFor(6 * DAY_MS);
  await attempt(responded(200));
  expect((await webhook()).state).toBe("enabled");
  expect(await notices()).not.toContainEqual(expect.objectContaining({ type: "homing.webhook.disabled" }));
});

test("enabling starts the five days anew", async () => {
  const { name, attempt, webhook, failFor } = await newListened();
  await failFor(6 * DAY_MS);
  await disableWebhook(world.context, name, "on holiday");
  expect(await enableWebhook(world.context, name)).toMatchObject({ failingSince: null });
  await attempt(REFUSED);
  expect((await webhook()).state).toBe("enabled");
});

test("a success after more than five minutes of failures is told of", async () => {
  const { webhookId, attempt, notices, failFor } = await newListened();
  const failingSince = await failFor(5 * MINUTE_MS + 1_000);
  const { deliveredAt } = await rowOf(world, await attempt(responded(200)));
  expect(await notices()).toEqual([
    {
      type: "homing.webhook.recovered",
      payload: {
        webhook_id: webhookId,
        failing_since: failingSince?.toISOString(),
        recovered_at: deliveredAt?.toISOString(),
      },
    },
  ]);
});

test("a success after a short failure is told of only when the circuit breaker had opened", async () => {
  const { webhookId, publish, attempt, notices } = await newListened();
  await attempt(REFUSED);
  await attempt(responded(200));
  expect(await notices()).toEqual([]);
  await attempt(REFUSED);
  const probe = await publish();
  await world.db.webhook.update({ where: { id: webhookId }, data: { circuit: "half_open" } });
  await shiftTime(world, probe, 10);
  const [claimed] = await claimDeliveries(world.context, [probe], { pulledIds: [probe] });
  if (claimed?.outcome !== "claimed") throw new Error("not claimed");
  await recordOne(world, claimed.claim, responded(200));
  expect(await notices()).toMatchObject([{ type: "homing.webhook.recovered" }]);
});

test("a webhook that recovers with one of Homing's own events is not told of it", async () => {
  const { organizationId, webhook, failFor, notices } = await newListened();
  await failFor(10 * MINUTE_MS);
  const { deliveryIds } = await publishOne(world, organizationId, {
    type: "homing.webhook.recovered",
    webhookIds: [(await webhook()).id],
  });
  await attemptOnce(world, only(deliveryIds), responded(200));
  expect((await webhook()).failingSince).toBeNull();
  expect(await notices()).toEqual([]);
});

test("a record that waits for one webhook holds none that comes after it", async () => {
  const [first, second] = [await newListened(), await newListened()];
  const claims = await Promise.all(
    [second, first].map(async ({ organizationId }) =>
      claimOne(world, only((await publishOne(world, organizationId)).deliveryIds)),
    ),
  );
  const made = claims.map((claim) => ({ claim, result: REFUSED, requestHeaders: {}, sentAtMs: Date.now() }));
  const recorded = await world.db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT id FROM webhooks WHERE id = ${first.webhookId}::uuid FOR UPDATE`;
    const recording = recordAttempts(world.context, made);
    await waitFor(isSomebodyWaiting, { what: "the record to wait for the first webhook" });
    await transaction.$queryRaw`SELECT id FROM webhooks WHERE id = ${second.webhookId}::uuid FOR UPDATE NOWAIT`;
    return { recording };
  });
  expect(await recorded.recording).toMatchObject([{ outcome: "settled" }, { outcome: "settled" }]);
});

async function isSomebodyWaiting(): Promise<boolean> {
  const rows = await world.db.$queryRaw<unknown[]>`
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return rows.length > 0;
}

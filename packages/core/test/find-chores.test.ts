import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { findChores } from "../src/deliveries/find-chores.js";
import { handOver } from "../src/deliveries/hint.js";
import { parkDeliveries } from "../src/lanes/park.js";
import { disableWebhook, enableWebhook } from "../src/webhooks/state.js";
import { newDelivery, openWorld, shiftTime, type World } from "./world.js";

const PATIENCE_MS = 15_000;
const NOTHING = { relay: false, releases: false, lines: false };

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

beforeEach(async () => {
  await world.db.delivery.deleteMany();
  await world.db.webhook.updateMany({ data: { releasingUntil: null } });
  await world.db.$executeRaw`DELETE FROM webhook_lines`;
});

test("a delivery whose hint waits in the queue is nobody's chore until its patience has run out", async () => {
  const { deliveryId } = await newDelivery(world);
  expect(await findChores(world.context)).toEqual(NOTHING);
  await shiftTime(world, deliveryId, PATIENCE_MS + 1);
  expect(await findChores(world.context)).toEqual({ ...NOTHING, relay: true });
});

test("what the queue had no room for is the relay's", async () => {
  const { deliveryId, organizationId, webhook } = await newDelivery(world);
  const hint = { deliveryId, organizationId, webhookId: webhook.id, series: 1, number: 1, delayMs: 0 };
  await handOver({ ...world.context, enqueue: async () => [{ ...hint, priority: 3 }] }, [hint]);
  expect(await findChores(world.context)).toEqual({ ...NOTHING, relay: true });
});

test("a webhook that was enabled again is being released", async () => {
  const { organizationId, webhook } = await newDelivery(world);
  const name = { organizationId, webhookId: webhook.id };
  await disableWebhook(world.context, name, "by hand");
  expect(await findChores(world.context)).toEqual(NOTHING);
  await enableWebhook(world.context, name);
  expect(await findChores(world.context)).toMatchObject({ releases: true });
});

test("a line is looked after when its pause is over", async () => {
  const { deliveryId } = await newDelivery(world);
  await parkDeliveries(world.context, [deliveryId]);
  expect(await findChores(world.context)).toEqual(NOTHING);
  await world.db.$executeRaw`UPDATE webhook_lines SET pull_at = now()`;
  expect(await findChores(world.context)).toEqual({ ...NOTHING, lines: true });
});

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { publishEvents } from "../src/events/publish.js";
import { createLanes } from "../src/lanes/lanes.js";
import { parkDeliveries } from "../src/lanes/park.js";
import { pullLines } from "../src/lanes/pull.js";
import type { SendResult } from "../src/outcome.js";
import { updateWebhook } from "../src/webhooks/update.js";
import {
  attemptOnce,
  newOrganization,
  newWebhook,
  only,
  openWorld,
  publishOne,
  responded,
  shiftTime,
  type World,
} from "./world.js";

const PARKED = 60;
const IN_FLIGHT_MAX = 5;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

test("a line whose deliveries succeed, but wait in a long queue first, has no more out than its webhook takes at once", async () => {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId, { inFlightMax: IN_FLIGHT_MAX });
  const events = Array.from({ length: PARKED }, () => ({ type: "a.b", payload: "{}" }));
  await publishEvents(world.context, [{ organizationId, events }]);
  const rows = await world.db.delivery.findMany({ where: { webhookId } });
  await parkDeliveries(
    world.context,
    rows.map(({ id }) => id),
  );
  world.hints.length = 0;
  const lanes = createLanes(world.context, { slots: 100 });
  await pullLines(world.context, [{ webhookId, wanted: 1 }]);

  const waiting: number[] = [];
  for (let index = 0; index < 4 * IN_FLIGHT_MAX; index++) {
    await sendPulled(lanes, { webhookId, deliveryId: world.hints[index]?.deliveryId ?? "none" });
    waiting.push(world.hints.length - index - 1);
  }
  expect(Math.max(...waiting)).toBe(IN_FLIGHT_MAX);
});

test("a webhook that answered another worker well has a seat also where endpoints that nobody knows take all that is theirs", async () => {
  const organizationId = await newOrganization(world);
  const { id: webhookId } = await newWebhook(world, organizationId);
  const answer = async (result: SendResult): Promise<void> => {
    const { deliveryIds } = await publishOne(world, organizationId, { webhookIds: [webhookId] });
    await attemptOnce(world, only(deliveryIds), result);
  };
  const seatBesideUnknown = async () => {
    const lanes = createLanes(world.context, { slots: 4 });
    for (let slot = 0; slot < 2; slot++) expect(await lanes.enter({ webhookId: randomUUID() })).not.toBeNull();
    expect(await lanes.enter({ webhookId: randomUUID() })).toBeNull();
    return lanes.enter({ webhookId });
  };
  expect(await seatBesideUnknown()).toBeNull();
  await answer(responded(200));
  expect(await seatBesideUnknown()).not.toBeNull();
  await answer({ ...responded(200), durationMs: 1_001 });
  expect(await seatBesideUnknown()).toBeNull();
  await answer(responded(200));
  await answer(responded(500));
  expect(await seatBesideUnknown()).toBeNull();
  await answer(responded(200));
  await updateWebhook(world.context, { organizationId, webhookId, changes: { url: "https://example.com/moved" } });
  expect(await seatBesideUnknown()).toBeNull();
});

async function sendPulled(
  lanes: ReturnType<typeof createLanes>,
  { webhookId, deliveryId }: { webhookId: string; deliveryId: string },
): Promise<void> {
  await shiftTime(world, deliveryId, 10);
  const seat = await lanes.enter({ webhookId });
  const [outcome] = await claimDeliveries(world.context, [deliveryId], { pulledIds: [deliveryId] });
  if (outcome?.outcome !== "claimed") throw new Error(`not claimed: ${outcome?.outcome}`);
  seat?.allow(outcome.claim.inFlightMax);
  seat?.leave("succeeded");
  await lanes.follow({ claim: outcome.claim, result: responded(200), isPulled: true });
}

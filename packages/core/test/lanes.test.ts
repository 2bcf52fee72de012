import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { publishEvents } from "../src/events/publish.js";
import { createLanes } from "../src/lanes/lanes.js";
import { parkDeliveries } from "../src/lanes/park.js";
import { pullLines } from "../src/lanes/pull.js";
import { newOrganization, newWebhook, openWorld, responded, shiftTime, type World } from "./world.js";

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

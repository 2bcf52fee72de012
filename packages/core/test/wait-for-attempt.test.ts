import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { waitForAttempt } from "../src/deliveries/wait-for-attempt.js";
import {
  ABORTED,
  attemptOnce,
  claimOne,
  newDelivery,
  openWorld,
  recordOne,
  REFUSED,
  responded,
  retryOne,
  shiftTime,
  type World,
} from "./world.js";

const SOON_MS = 2_000;

interface Wait {
  isOver: () => boolean;
  over: Promise<void>;
}

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

/** A wait, and whether it is over. */
function startWaiting(deliveryId: string, signal?: AbortSignal): Wait {
  let isOver = false;
  const over = waitForAttempt(world.context, { deliveryId, ...(signal && { signal }) }).then(
    () => void (isOver = true),
  );
  return { isOver: () => isOver, over };
}

/** Fails unless a wait ends well before any deadline. */
async function expectSoonOver({ isOver }: Wait): Promise<void> {
  expect(await waitFor(isOver, { what: "the end of the wait", timeoutMs: SOON_MS })).toBe(true);
}

test("it lasts while the first attempt of the series is due and while it is in flight, and ends with its record", async () => {
  const { deliveryId } = await newDelivery(world);
  const waiting = startWaiting(deliveryId);
  const claim = await claimOne(world, deliveryId);
  expect(waiting.isOver()).toBe(false);
  await recordOne(world, claim, REFUSED);
  await waiting.over;
});

test("what was tried in this series before is not waited for again", async () => {
  const { deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, REFUSED);
  await expectSoonOver(startWaiting(deliveryId));
});

test("a retry is waited for, though the delivery was tried before", async () => {
  const { organizationId, deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, responded(200));
  await shiftTime(world, deliveryId, 1_000);
  await retryOne(world, { organizationId, deliveryId });
  const waiting = startWaiting(deliveryId);
  const claim = await claimOne(world, deliveryId);
  expect(waiting.isOver()).toBe(false);
  await recordOne(world, claim, responded(200));
  await waiting.over;
});

test.each([
  ["its first attempt", false],
  ["one that repeats an attempt that our own stop cut off", true],
])("without a worker for %s it lasts the webhook's deadline and two seconds more", async (_, isCutOff) => {
  const { deliveryId } = await newDelivery(world, { timeoutMs: 1_000 });
  if (isCutOff) await attemptOnce(world, deliveryId, ABORTED);
  const begunMs = performance.now();
  await waitForAttempt(world.context, { deliveryId });
  const waitedMs = performance.now() - begunMs;
  expect(waitedMs).toBeGreaterThan(3_000);
  expect(waitedMs).toBeLessThan(4_500);
});

test("the end of an attempt that repeats one that our own stop cut off is the end", async () => {
  const { deliveryId } = await newDelivery(world);
  await attemptOnce(world, deliveryId, ABORTED);
  await attemptOnce(world, deliveryId, REFUSED);
  await expectSoonOver(startWaiting(deliveryId));
});

test("it ends when nobody waits any more", async () => {
  const { deliveryId } = await newDelivery(world, { timeoutMs: 30_000 });
  const gone = new AbortController();
  const waiting = startWaiting(deliveryId, gone.signal);
  gone.abort();
  await expectSoonOver(waiting);
});

test("a delivery that does not exist is not waited for", async () => {
  await expectSoonOver(startWaiting(uuidv7()));
});

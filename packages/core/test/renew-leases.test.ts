import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Claim } from "../src/deliveries/claim.js";
import { createLeases } from "../src/deliveries/leases.js";
import { renewLeases } from "../src/deliveries/renew-leases.js";
import { claimOne, newDelivery, openWorld, recordOne, responded, rowOf, shiftTime, type World } from "./world.js";

const LEASE_MS = 10_000;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

async function newClaim(): Promise<Claim> {
  return claimOne(world, (await newDelivery(world)).deliveryId);
}

async function leaseLeftMs({ deliveryId }: Claim): Promise<number> {
  const [row] = await world.db.$queryRaw<{ left_ms: number }[]>`
    SELECT (extract(epoch FROM lease_until - now()) * 1000)::float8 AS left_ms FROM deliveries
    WHERE id = ${deliveryId}::uuid AND relay_at = lease_until`;
  return row?.left_ms ?? 0;
}

test("the leases of many attempts are renewed at once, from now on, and the relay looks when they end", async () => {
  const claims = await Promise.all(Array.from({ length: 5 }, newClaim));
  for (const { deliveryId } of claims) await shiftTime(world, deliveryId, LEASE_MS - 1_000);
  expect(await renewLeases(world.context, claims)).toBe(5);
  for (const claim of claims) {
    const leftMs = await leaseLeftMs(claim);
    expect(leftMs).toBeGreaterThan(LEASE_MS - 1_000);
    expect(leftMs).toBeLessThanOrEqual(LEASE_MS);
  }
});

test("a lease that ran out is renewed as long as nobody took the delivery over", async () => {
  const claim = await newClaim();
  await shiftTime(world, claim.deliveryId, LEASE_MS + 1_000);
  expect(await renewLeases(world.context, [claim])).toBe(1);
  expect(await leaseLeftMs(claim)).toBeGreaterThan(0);
});

test("an attempt that was taken over or recorded changes nothing any more", async () => {
  const lost = await newClaim();
  await shiftTime(world, lost.deliveryId, LEASE_MS + 1_000);
  const taker = await claimOne(world, lost.deliveryId);
  const recorded = await newClaim();
  await recordOne(world, recorded, responded(200));
  const before = await Promise.all([lost, recorded].map(({ deliveryId }) => rowOf(world, deliveryId)));
  expect(await renewLeases(world.context, [lost, recorded])).toBe(0);
  expect(await Promise.all([lost, recorded].map(({ deliveryId }) => rowOf(world, deliveryId)))).toEqual(before);
  expect(await renewLeases(world.context, [lost, recorded, taker])).toBe(1);
});

test("many renewals beside claims and records of the same deliveries do not meet in a ring", async () => {
  const claims = await Promise.all(Array.from({ length: 40 }, newClaim));
  const renewals = Array.from({ length: 20 }, (_, round) =>
    renewLeases(world.context, round % 2 === 0 ? claims : claims.toReversed()),
  );
  const records = claims.map((claim) => recordOne(world, claim, responded(200)));
  await Promise.all([...renewals, ...records]);
  for (const { deliveryId } of claims) expect((await rowOf(world, deliveryId)).state).toBe("succeeded");
});

/** A database that would notice being asked. */
const UNASKED: World["context"] = new Proxy(Object.create(null), {
  get: (_, name) => {
    throw new Error(`context.${String(name)} was used`);
  },
});

test("neither a process without attempts nor one with short attempts alone asks anything of the database", async () => {
  const leases = createLeases(UNASKED);
  await leases.renew();
  const claim = await newClaim();
  await leases.hold(claim, async () => {
    await leases.renew();
  });
  await leases.renew();
  expect(await leaseLeftMs(claim)).toBeGreaterThan(0);
});

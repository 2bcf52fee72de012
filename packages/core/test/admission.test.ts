import { beforeEach, expect, test } from "@jest/globals";
import { type Admission, createAdmission, type Seat } from "../src/lanes/admission.js";

const SLOTS = 40;
const ASIDE_MAX = 4 * SLOTS;
const WINDOW_START = 2;
const WINDOW_MAX = 10;

let nowMs: number;
let admission: Admission;

beforeEach(() => {
  nowMs = 0;
  admission = createAdmission({ slots: SLOTS, nowMs: () => nowMs });
});

async function seatAt(webhookId: string): Promise<Seat> {
  const seat = await admission.enter(webhookId);
  if (seat === null) throw new Error(`there is no seat at ${webhookId}`);
  return seat;
}

/** One request that succeeds at once. */
async function succeed(webhookId: string): Promise<void> {
  (await seatAt(webhookId)).leave("succeeded");
}

async function takeTwo(webhookId: string): Promise<Seat[]> {
  return [await seatAt(webhookId), await seatAt(webhookId)];
}

/** What comes of an entry that may have to wait. */
function entry(webhookId: string): { seat: Seat | null | undefined; settled: Promise<void> } {
  const state: { seat: Seat | null | undefined; settled: Promise<void> } = {
    seat: undefined,
    settled: Promise.resolve(),
  };
  state.settled = admission.enter(webhookId).then((seat) => {
    state.seat = seat;
  });
  return state;
}

/** Sends a webhook out of the fast lane: its request takes too long. */
async function slowDown(webhookId: string): Promise<Seat> {
  const seat = await seatAt(webhookId);
  nowMs += 1_001;
  admission.sweep();
  return seat;
}

test("a webhook of which nothing is known gets two seats, and one more with every success, up to its cap", async () => {
  expect(admission.roomAt("a")).toBe(0);
  admission.endpoints.meet("a", { organizationId: null, isProven: false, inFlightMax: WINDOW_MAX });
  expect(admission.roomAt("a")).toBe(WINDOW_START);
  for (let successes = 0; successes < WINDOW_MAX + 5; successes++) {
    await succeed("a");
    expect(admission.roomAt("a")).toBe(Math.min(WINDOW_START + successes + 1, WINDOW_MAX));
  }
});

test("the cap is the webhook's own", async () => {
  const seat = await seatAt("a");
  seat.allow(1);
  seat.leave("succeeded");
  await succeed("a");
  expect(admission.roomAt("a")).toBe(1);
});

test("an overloaded endpoint's window halves, and never closes", async () => {
  for (let successes = 0; successes < WINDOW_MAX; successes++) await succeed("a");
  const rooms: number[] = [];
  for (let failures = 0; failures < 4; failures++) {
    (await seatAt("a")).leave("overloaded");
    rooms.push(admission.roomAt("a"));
  }
  expect(rooms).toEqual([5, 2, 1, 1]);
});

test("one that is busy and well lets a few wait, in their order, and turns the rest away", async () => {
  await succeed("a");
  const seats = [await seatAt("a"), await seatAt("a"), await seatAt("a")];
  const waiting = Array.from({ length: 6 }, () => entry("a"));
  expect(await admission.enter("a")).toBeNull();
  for (const seat of seats) seat.leave(null);
  await Promise.all(waiting.slice(0, 3).map(({ settled }) => settled));
  expect(waiting.map(({ seat }) => seat !== undefined)).toEqual([true, true, true, false, false, false]);
});

test("those that wait are turned away as soon as the request before them takes too long", async () => {
  await takeTwo("a");
  const waiting = entry("a");
  nowMs += 1_000;
  admission.sweep();
  expect(waiting.seat).toBeUndefined();
  nowMs += 1;
  admission.sweep();
  await waiting.settled;
  expect(waiting.seat).toBeNull();
});

test("endpoints that hang take no more than their part, whatever their number, and those that are well keep theirs", async () => {
  await succeed("well");
  for (let index = 0; index < SLOTS; index++) {
    const seat = await Promise.race([admission.enter(`hangs ${index}`), Promise.resolve(null)]);
    expect(seat !== null).toBe(index < SLOTS / 2);
  }
  nowMs += 2_000;
  admission.sweep();
  expect(admission.roomAt("hangs 0")).toBe(0);
  expect(await admission.enter("hangs 0")).toBeNull();
  expect(admission.roomAt("well")).toBe(WINDOW_START + 1);
  await succeed("well");
});

test("what is known to be slow leaves room for what is new", async () => {
  for (let index = 0; index < SLOTS / 4; index++) await slowDown(`slow ${index}`);
  expect(await admission.enter("slow 0")).toBeNull();
  await succeed("new");
});

test("those that wait are turned away when no request is left that could let them in", async () => {
  for (let index = 0; index < SLOTS; index++) await succeed(`well ${index}`);
  for (let index = 0; index < SLOTS; index++) await seatAt(`well ${index}`);
  nowMs += 900;
  const seats = await takeTwo("a");
  const waiting = entry("a");
  nowMs += 200;
  admission.sweep();
  for (const seat of seats) seat.leave(null);
  await waiting.settled;
  expect(waiting.seat).toBeNull();
});

test("a slow endpoint comes back by itself with an answer in time", async () => {
  const late = await slowDown("a");
  late.leave("succeeded");
  for (let index = 0; index < SLOTS / 4; index++) await slowDown(`slow ${index}`);
  expect(await admission.enter("a")).toBeNull();
  for (let index = 0; index < SLOTS / 4; index++) expect(await admission.enter(`slow ${index}`)).toBeNull();
});

test("three failures in a row are no way to stay in the fast lane", async () => {
  for (let index = 0; index < SLOTS / 4; index++) await slowDown(`slow ${index}`);
  await succeed("a");
  for (let failures = 0; failures < 3; failures++) (await seatAt("a")).leave("failed");
  expect(await admission.enter("a")).toBeNull();
});

test("what was taken over finds a seat where nobody else does, and counts", async () => {
  const seat = await slowDown("a");
  seat.leave("overloaded");
  const forced = [admission.takeOver("a"), admission.takeOver("a")];
  expect(forced).not.toContain(null);
  expect(admission.roomAt("a")).toBe(0);
  for (const each of forced) each?.leave(null);
  expect(admission.roomAt("a")).toBe(1);
});

test("what was taken over finds none either where its lane has no slot", async () => {
  (await slowDown("a")).leave(null);
  for (let index = 0; index < SLOTS / 4; index++) await slowDown(`slow ${index}`);
  expect(admission.takeOver("a")).toBeNull();
});

test("a request that takes long goes on without its slot, which is another's then", async () => {
  let givenBack = 0;
  for (let index = 0; index < SLOTS / 4; index++) {
    const seat = await seatAt(`hangs ${index}`);
    seat.mayStandAside(() => (givenBack += 1));
  }
  nowMs += 1_001;
  admission.sweep();
  expect(givenBack).toBe(SLOTS / 4);
  expect(admission.freeShared()).toBe(SLOTS / 2);
  for (let index = 0; index < SLOTS / 4; index++) await seatAt(`hangs ${index}`);
  expect(admission.freeShared()).toBe(SLOTS / 4);
});

test("one that stands aside still counts for its endpoint, and gives back no slot a second time", async () => {
  const seat = await seatAt("a");
  seat.mayStandAside(() => undefined);
  nowMs += 1_001;
  admission.sweep();
  expect(admission.roomAt("a")).toBe(WINDOW_START - 1);
  seat.leave("overloaded");
  expect(admission.roomAt("a")).toBe(1);
  expect(admission.freeShared()).toBe(SLOTS / 2);
});

test("one that was answered keeps its slot while it is recorded", async () => {
  let givenBack = 0;
  const seat = await seatAt("a");
  seat.mayStandAside(() => (givenBack += 1));
  seat.leave("succeeded");
  nowMs += 1_001;
  admission.sweep();
  expect(givenBack).toBe(0);
  await seatAt("b");
  expect(admission.freeShared()).toBe(SLOTS / 2 - 1);
});

test("no more than four for each slot stand aside; the rest keep theirs until the attempt of one of them is over", async () => {
  let givenBack = 0;
  const seats: Seat[] = [];
  for (let index = 0; index <= ASIDE_MAX; index++) {
    const seat = await seatAt(`hangs ${index}`);
    seat.mayStandAside(() => (givenBack += 1));
    seats.push(seat);
    nowMs += 1_001;
    admission.sweep();
  }
  expect(givenBack).toBe(ASIDE_MAX);
  seats[0]?.leave("overloaded");
  admission.sweep();
  expect(givenBack).toBe(ASIDE_MAX);
  seats[0]?.end();
  admission.sweep();
  expect(givenBack).toBe(ASIDE_MAX + 1);
});

test("no organization takes all the room aside while others have requests there", async () => {
  const givenBack: string[] = [];
  const hang = async (organizationId: string, webhookId: string): Promise<void> => {
    admission.endpoints.meet(webhookId, { organizationId, isProven: false, inFlightMax: WINDOW_MAX });
    (await seatAt(webhookId)).mayStandAside(() => givenBack.push(organizationId));
    nowMs += 1_001;
    admission.sweep();
  };
  await hang("quiet", "quiet 1");
  // One more than its part keeps its slot.
  for (let index = 0; index <= (ASIDE_MAX * 7) / 8; index++) {
    nowMs = 0;
    await hang("loud", `loud ${index}`);
  }
  await hang("quiet", "quiet 2");
  expect(givenBack.filter((one) => one === "loud")).toHaveLength((ASIDE_MAX * 7) / 8);
  expect(givenBack.at(-1)).toBe("quiet");
});

test("a seat is given back once", async () => {
  const [first] = await takeTwo("a");
  first?.leave(null);
  first?.leave(null);
  await seatAt("a");
  expect(admission.roomAt("a")).toBe(0);
});

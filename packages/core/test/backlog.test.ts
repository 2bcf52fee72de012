import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { relayDeliveries } from "../src/deliveries/relay.js";
import { publishEvents } from "../src/events/publish.js";
import { createFairQueue, type FairQueue, type PlacedHint } from "../src/shares/fair-queue.js";
import { newOrganization, newWebhook, only, openWorld, retryOne, type World } from "./world.js";

const FULL = 20_000;
const HINTS_PER_JOB = 10;
const BURST = 20;
/** Beyond any share, also half a second later. */
const FLOOD = 400;
const BACKLOG_STARTS_IN_YEARS = 50;
const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

beforeEach(async () => {
  await world.db.delivery.deleteMany();
});

/** A process of its own, and a queue that is as deep as it is told. */
interface Process {
  context: World["context"];
  fair: FairQueue;
  placed: (PlacedHint & { priority: number })[];
  /** How many hints it was asked to place. */
  asked(): number;
  /** Resolves when the process knows of it. */
  setWaiting(jobs: number): Promise<void>;
}

function startProcess(): Process {
  const placed: Process["placed"] = [];
  let waiting = 0;
  let nowMs = 0;
  let counts = 0;
  let asked = 0;
  const fair = createFairQueue({
    async enqueue(jobs) {
      placed.push(...jobs.flatMap(({ hints, priority }) => hints.map((hint) => ({ ...hint, priority }))));
    },
    async depth() {
      counts += 1;
      return { waiting, delayed: 0 };
    },
    nowMs: () => nowMs,
  });
  return {
    context: {
      ...world.context,
      enqueue(hints) {
        asked += hints.length;
        return fair.enqueue(hints);
      },
    },
    fair,
    placed,
    asked: () => asked,
    async setWaiting(jobs) {
      waiting = jobs;
      nowMs += 500;
      const before = counts;
      fair.placeOf("nobody");
      await waitFor(() => counts > before, { what: "the count of the queue's depth" });
    },
  };
}

interface Organization {
  id: string;
  webhookId: string;
}

async function newPublisher(): Promise<Organization> {
  const id = await newOrganization(world);
  return { id, webhookId: (await newWebhook(world, id)).id };
}

async function publish({ context, fair }: Process, { id }: Organization, events: number): Promise<void> {
  const request = {
    organizationId: id,
    events: Array.from({ length: events }, () => ({ type: "a.b", payload: "{}" })),
  };
  expect(only(await publishEvents(context, [request], fair)).outcome).toBe("published");
}

/** The deliveries of an organization that wait in the backlog. */
async function backlogOf({ id }: Organization) {
  const rows = await world.db.delivery.findMany({ where: { organizationId: id }, orderBy: { id: "asc" } });
  const startsAtMs = Date.now() + BACKLOG_STARTS_IN_YEARS * YEAR_MS;
  return rows.filter(
    ({ relayAt, queuedAt }) => relayAt !== null && relayAt.getTime() > startsAtMs && queuedAt === null,
  );
}

async function whenPlaced({ placed }: Process, webhookId: string, count: number): Promise<void> {
  await waitFor(() => placed.filter((hint) => hint.webhookId === webhookId).length >= count, { what: "its hints" });
}

test("with a full queue what is published beyond a share waits for the relay, and is handed over by it when there is room", async () => {
  const [api, worker] = [startProcess(), startProcess()];
  const big = await newPublisher();
  await publish(api, big, FLOOD);
  await whenPlaced(api, big.webhookId, FLOOD);
  await api.setWaiting(FULL);
  await publish(api, big, 300);
  expect(await backlogOf(big)).toHaveLength(300);
  expect(api.asked()).toBe(FLOOD);
  expect(await relayDeliveries(worker.context, { limit: 250, lostAgeMs: null })).toEqual({
    handedOver: 250,
    isTaken: true,
  });
  expect(await backlogOf(big)).toHaveLength(50);
  expect(await relayDeliveries(worker.context, { limit: 250, lostAgeMs: null })).toMatchObject({ handedOver: 50 });
  expect(await relayDeliveries(worker.context, { limit: 250, lostAgeMs: null })).toMatchObject({ handedOver: 0 });
  expect(new Set(worker.placed.map(({ deliveryId }) => deliveryId)).size).toBe(300);
});

test("an organization within its share is handed over at once, however full the queue, and before the others", async () => {
  const api = startProcess();
  const [big, small] = [await newPublisher(), await newPublisher()];
  await publish(api, big, FLOOD);
  await whenPlaced(api, big.webhookId, FLOOD);
  await api.setWaiting(FULL);
  await publish(api, big, 1);
  await publish(api, small, 1);
  await whenPlaced(api, small.webhookId, 1);
  expect(api.placed.find(({ webhookId }) => webhookId === small.webhookId)).toMatchObject({ priority: 0 });
  expect(await backlogOf(small)).toHaveLength(0);
  expect(await backlogOf(big)).toHaveLength(1);
});

test("hints beyond a share have a priority, also in a queue that is empty: others may come", async () => {
  const api = startProcess();
  const big = await newPublisher();
  await publish(api, big, FLOOD);
  await whenPlaced(api, big.webhookId, FLOOD);
  expect(api.placed.map(({ priority }) => priority)).toEqual([
    ...Array.from({ length: BURST }, () => 0),
    ...Array.from({ length: FLOOD - BURST }, () => expect.any(Number)),
  ]);
  expect(api.placed.slice(BURST).every(({ priority }) => priority > 0)).toBe(true);
});

test("what one process cannot place of a single flood joins the backlog, the rest is placed", async () => {
  const api = startProcess();
  const big = await newPublisher();
  const room = 100;
  await api.setWaiting(FULL - room / HINTS_PER_JOB);
  await publish(api, big, 500);
  await whenPlaced(api, big.webhookId, room);
  await waitFor(async () => (await backlogOf(big)).length === 500 - room, { what: "the rest in the backlog" });
  expect(api.placed).toHaveLength(room);
});

test("a retry that there is no room for joins the backlog in its new series", async () => {
  const worker = startProcess();
  const big = await newPublisher();
  await publish(worker, big, FLOOD);
  await whenPlaced(worker, big.webhookId, FLOOD);
  const { id: deliveryId } = await world.db.delivery.findFirstOrThrow({ where: { organizationId: big.id } });
  await world.db.$executeRaw`
    UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, relay_at = NULL, updated_at = now() - interval '1 minute'
    WHERE id = ${deliveryId}::uuid`;
  await worker.setWaiting(FULL);
  await retryOne({ ...world, context: worker.context }, { deliveryId, organizationId: big.id });
  await waitFor(async () => (await backlogOf(big)).length === 1, { what: "the retry in the backlog" });
  const [waiting] = await backlogOf(big);
  expect(waiting).toMatchObject({ id: deliveryId, series: 2 });
});

test("an attempt that its worker lost is handed over as such, however full the queue is of its organization's", async () => {
  const worker = startProcess();
  const big = await newPublisher();
  await publish(worker, big, FLOOD);
  await whenPlaced(worker, big.webhookId, FLOOD);
  const { id: deliveryId } = await world.db.delivery.findFirstOrThrow({ where: { organizationId: big.id } });
  await waitFor(async () => only(await claimDeliveries(worker.context, [deliveryId])).outcome === "claimed", {
    what: "its claim",
  });
  await world.db.$executeRaw`
    UPDATE deliveries SET relay_at = now(), lease_until = now() WHERE id = ${deliveryId}::uuid`;
  await worker.setWaiting(FULL);
  worker.placed.length = 0;
  expect(await relayDeliveries(worker.context, { limit: 10, lostAgeMs: null })).toMatchObject({ handedOver: 1 });
  expect(worker.placed).toMatchObject([{ deliveryId, isTakenOver: true }]);
});

test("whoever claims a delivery takes it out of the backlog", async () => {
  const api = startProcess();
  const big = await newPublisher();
  await publish(api, big, FLOOD);
  await api.setWaiting(FULL);
  await publish(api, big, 1);
  const { id } = only(await backlogOf(big));
  await waitFor(async () => only(await claimDeliveries(api.context, [id])).outcome === "claimed", {
    what: "its claim",
  });
  expect(await backlogOf(big)).toHaveLength(0);
});

/** A full queue in which `flooding` stands ten times further beyond its share than `busy`. */
async function twoBeyondTheShare() {
  const [api, worker] = [startProcess(), startProcess()];
  const [flooding, busy] = [await newPublisher(), await newPublisher()];
  await publish(api, flooding, 10 * FLOOD);
  await publish(api, busy, FLOOD);
  await whenPlaced(api, flooding.webhookId, 10 * FLOOD);
  await whenPlaced(api, busy.webhookId, FLOOD);
  await api.setWaiting(FULL);
  return { api, worker, flooding, busy };
}

test("who is further beyond the share is handed over from the backlog after those who are less, whoever was first", async () => {
  const { api, worker, flooding, busy } = await twoBeyondTheShare();
  await publish(api, flooding, 20);
  await publish(api, busy, 20);
  await relayDeliveries(worker.context, { limit: 20, lostAgeMs: null });
  expect(new Set(worker.placed.map(({ webhookId }) => webhookId))).toEqual(new Set([busy.webhookId]));
});

test("who was far beyond the share does not wait for ever behind those who come later and are less", async () => {
  const { api, worker, flooding, busy } = await twoBeyondTheShare();
  await publish(api, flooding, 1);
  const { id } = only(await backlogOf(flooding));
  await world.db.$executeRaw`UPDATE deliveries SET relay_at = relay_at - interval '3 hours' WHERE id = ${id}::uuid`;
  await publish(api, busy, 1);
  await relayDeliveries(worker.context, { limit: 1, lostAgeMs: null });
  expect(worker.placed.map(({ webhookId }) => webhookId)).toEqual([flooding.webhookId]);
});

test("behind a crowd of one organization's the relay finds what is due of others, and leaves the backlog alone", async () => {
  const [api, worker] = [startProcess(), startProcess()];
  const [big, small] = [await newPublisher(), await newPublisher()];
  await publish(api, big, 500);
  await publish(api, small, 3);
  await api.setWaiting(FULL);
  await publish(api, big, 10);
  await world.db.$executeRaw`
    UPDATE deliveries SET relay_at = now() - CASE WHEN organization_id = ${big.id}::uuid THEN interval '2 s' ELSE interval '1 s' END
    WHERE queued_at IS NOT NULL`;
  await relayDeliveries(worker.context, { limit: 300, lostAgeMs: null });
  expect(worker.placed.every(({ webhookId }) => webhookId === big.webhookId)).toBe(true);
  expect(worker.fair.crowd()).toEqual([big.id]);
  worker.placed.length = 0;
  const passing = worker.fair.crowd();
  expect(await relayDeliveries(worker.context, { limit: 300, lostAgeMs: null, passing })).toMatchObject({
    handedOver: 3,
  });
  expect(worker.placed.map(({ webhookId }) => webhookId)).toEqual([small.webhookId, small.webhookId, small.webhookId]);
});

import { Prisma, type Transaction } from "@homing/db/client";
import { KEEP_PLANS } from "@homing/db/prepared";
import { WEEK_MS } from "@homing/db/week";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { claimDeliveries } from "../src/deliveries/claim.js";
import { claimPlain } from "../src/deliveries/claim-plain.js";
import { recordAttempts } from "../src/deliveries/record.js";
import { recordPlain } from "../src/deliveries/record-plain.js";
import { publishEvents } from "../src/events/publish.js";
import { publishPlain } from "../src/events/publish-plain.js";
import { takeHeads } from "../src/lanes/take-heads.js";
import { claimOne, newDelivery, newOrganization, newWebhook, openWorld, responded, type World } from "./world.js";

const WEBHOOKS = 60;
const EVENTS = 1_000;
const BATCHES = 5;
/** So many rows at a time that Postgres has not counted. */
const UNCOUNTED = 100;
const UNCOUNTED_STEPS = 8;
const EVENT = { type: "invoice.paid", payload: '{"n":1}' };
const NAME = /^\/\* prepared (\w+) \*\//;
const WEEK = /_\d+$/;

let world: World;
let texts: Map<string, string>;

beforeAll(async () => {
  world = await openWorld();
  // As a new installation is, or a week that has begun: there are rows, and Postgres has not counted them.
  await world.db.$executeRawUnsafe("ALTER TABLE webhooks SET (autovacuum_enabled = false)");
  await fill();
  texts = await statementsOf(world);
});
afterAll(() => world.close());

async function fill(): Promise<void> {
  const organizationId = await newOrganization(world);
  for (let made = 0; made < WEBHOOKS; made += 1) {
    await newWebhook(world, organizationId, { eventTypes: [made === 0 ? EVENT.type : "other"] });
  }
  for (let batch = 0; batch < BATCHES; batch += 1) {
    await publishEvents(world.context, [{ organizationId, events: Array.from({ length: EVENTS }, () => EVENT) }]);
  }
}

/** The prepared statements by name (`claim_of_week`: the one of the ids' week), as they go to Postgres when their verbs are called. */
async function statementsOf({ context, db }: World): Promise<Map<string, string>> {
  const { organizationId, webhook, deliveryId } = await newDelivery(world);
  const claim = await claimOne(world, deliveryId);
  const lastWeeks = uuidv7({ msecs: Date.now() - WEEK_MS });
  const request = { organizationId, events: [EVENT] };
  const heard = new Map<string, string>();
  const listening = { ...context, db: listenTo(db, heard) };
  await publishPlain(listening, [{ ...request, apiKeyId: null }]);
  await publishEvents(listening, [request]);
  for (const ids of [[deliveryId], [deliveryId, lastWeeks]]) {
    await claimPlain(listening, ids);
    await claimDeliveries(listening, ids);
    const made = ids.map((id) => ({
      claim: { ...claim, deliveryId: id },
      result: responded(200),
      requestHeaders: {},
      sentAtMs: Date.now(),
    }));
    await recordPlain(listening, made);
    await recordAttempts(listening, made);
  }
  await db.$transaction((transaction) =>
    takeHeads(listenTo(transaction, heard), [{ webhook_id: webhook.id }], {
      wanted: [1],
      isRound: false,
      isStart: false,
    }),
  );
  return heard;
}

function listenTo<Client extends Transaction>(db: Client, heard: Map<string, string>): Client {
  return new Proxy(db, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (name !== "$queryRaw" || typeof member !== "function") return member;
      return (text: TemplateStringsArray, ...values: unknown[]): unknown => {
        const { text: whole } = Prisma.sql(text, ...values);
        heard.set((NAME.exec(whole)?.[1] ?? "").replace(WEEK, "_of_week"), whole);
        return Reflect.apply(member, target, [text, ...values]);
      };
    },
  });
}

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  Plans?: PlanNode[];
}

/** The plan for any values that Postgres makes now. */
async function planOf(name: string, { db }: World = world): Promise<PlanNode> {
  const text = texts.get(name) ?? "";
  const parameters = new Set(text.match(/\$\d+/g));
  const values = Array.from(parameters, () => "NULL").join();
  return db.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT ${KEEP_PLANS}`;
    await transaction.$executeRawUnsafe(`PREPARE look_at_${name} AS ${text}`);
    const [row] = await transaction.$queryRawUnsafe<{ "QUERY PLAN": [{ Plan: PlanNode }] }[]>(
      `EXPLAIN (FORMAT JSON) EXECUTE look_at_${name} (${values})`,
    );
    await transaction.$executeRawUnsafe(`DEALLOCATE look_at_${name}`);
    if (row === undefined) throw new Error("there is no plan");
    return row["QUERY PLAN"][0].Plan;
  });
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

const OF_WEEK = ["claim_plain_of_week", "claim_of_week", "record_plain_of_week", "record_of_week"];

test.each(["publish_plain", "publish", "claim_plain", "claim", "record_plain", "record", "take_heads", ...OF_WEEK])(
  "%s looks webhooks up by their ids, before Postgres knows how many there are",
  async (name) => {
    const nodes = nodesOf(await planOf(name));
    const reads = nodes.filter((node) => node["Relation Name"] === "webhooks" && /Scan/.test(node["Node Type"]));
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.filter((node) => !/\bid = /.test(node["Index Cond"] ?? node["Node Type"]))).toEqual([]);
  },
);

test.each([
  ["claim_plain_of_week", ["deliveries", "events"]],
  // Its events may be of any week.
  ["claim_of_week", ["attempts", "deliveries"]],
  ["record_plain_of_week", ["deliveries"]],
  ["record_of_week", ["deliveries"]],
])("%s has that week's tables alone of %j", async (name, tables) => {
  const names = nodesOf(await planOf(name)).map((node) => /^(\w+)_p\d{8}$/.exec(node["Relation Name"] ?? ""));
  const weekly = new Map(names.flatMap((match) => (match === null ? [] : [[match[0], match[1] ?? ""]])));
  expect([...weekly.values()].filter((table) => tables.includes(table)).toSorted()).toEqual(tables);
});

test.each(["claim_plain", "claim_plain_of_week", "claim", "claim_of_week"])(
  "%s looks its events up, one by one",
  async (name) => {
    const reads = nodesOf(await planOf(name)).filter((node) => node["Relation Name"]?.startsWith("events_p"));
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.filter((node) => !/\bid = moved/.test(node["Index Cond"] ?? ""))).toEqual([]);
  },
);

test("a week's statements look deliveries up by their ids, however many rows Postgres has not counted yet", async () => {
  const fresh = await openWorld();
  try {
    const { organizationId } = await newDelivery(fresh);
    for (let rows = UNCOUNTED; rows <= UNCOUNTED * UNCOUNTED_STEPS; rows += UNCOUNTED) {
      await publishEvents(fresh.context, [{ organizationId, events: Array.from({ length: UNCOUNTED }, () => EVENT) }]);
      for (const name of OF_WEEK) {
        const nodes = nodesOf(await planOf(name, fresh));
        const reads = nodes.filter((node) => node["Index Name"]?.startsWith("deliveries_p"));
        expect(reads.length).toBeGreaterThan(1);
        expect(reads.filter((node) => !node["Index Name"]?.endsWith("_pkey"))).toEqual([]);
        expect(reads.filter((node) => !/\bid = /.test(node["Index Cond"] ?? ""))).toEqual([]);
      }
    }
  } finally {
    await fresh.close();
  }
});

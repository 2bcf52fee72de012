import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bitesOf, withPayloads } from "../src/events/payloads.js";
import { newOrganization, openWorld, publishOne, type World } from "./world.js";

const MIB = 1024 * 1024;

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(() => world.close());

function weigh(items: readonly [eventId: string, payloadBytes: number][]) {
  return items.map(([eventId, payloadBytes]) => ({ eventId, payloadBytes }));
}

test.each<[string, [string, number][], number[]]>([
  ["nothing has no bite", [], []],
  [
    "what fits into 1 MiB is one bite",
    [
      ["a", MIB / 2],
      ["b", MIB / 2],
    ],
    [2],
  ],
  [
    "a byte more begins the next",
    [
      ["a", MIB / 2],
      ["b", MIB / 2],
      ["c", 1],
    ],
    [2, 1],
  ],
  [
    "what alone is larger is a bite of its own",
    [
      ["a", 1],
      ["b", 3 * MIB],
      ["c", 1],
    ],
    [1, 1, 1],
  ],
  [
    "items of one event weigh once",
    [
      ["a", MIB],
      ["a", MIB],
      ["a", MIB],
      ["b", 1],
      ["a", MIB],
    ],
    [3, 1, 1],
  ],
])("%s", (_name, items, lengths) => {
  const bites = bitesOf(weigh(items));
  expect(bites.map((bite) => bite.length)).toEqual(lengths);
  expect(bites.flat()).toEqual(weigh(items));
});

test("payloads come in the order of the list, one event's as often as it is named", async () => {
  const organizationId = await newOrganization(world);
  const { eventId: first } = await publishOne(world, organizationId, { payload: '{"n":1}' });
  const { eventId: second } = await publishOne(world, organizationId, { payload: '{"n":12345678901234567890}' });
  const items = weigh([
    [second, MIB],
    [first, MIB],
    [second, MIB],
  ]);
  const texts: string[] = [];
  for await (const { payload } of withPayloads(world.context, { organizationId, items })) texts.push(payload);
  expect(texts).toEqual(['{"n":12345678901234567890}', '{"n":1}', '{"n":12345678901234567890}']);
});

test("another organization's payload is not given", async () => {
  const { eventId } = await publishOne(world, await newOrganization(world));
  const items = weigh([[eventId, 1]]);
  const loading = withPayloads(world.context, { organizationId: await newOrganization(world), items });
  await expect(loading.next()).rejects.toThrow("gone");
});

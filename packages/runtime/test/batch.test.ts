import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { BatchFullError, type BatchOptions, createBatch } from "../src/batch.js";

class ItemFault extends Error {}

interface Gate {
  items: number[];
  answer: () => void;
  fail: (error: unknown) => void;
}

/** A batch whose flushes wait in `gates` until the test lets each through; the result of an item is ten times it. */
function gatedBatch(options: Partial<BatchOptions<number, number>> = {}) {
  const gates: Gate[] = [];
  const batch = createBatch<number, number>({
    flush: (items) =>
      new Promise((resolve, reject) => {
        gates.push({ items, answer: () => resolve(items.map((item) => item * 10)), fail: reject });
      }),
    itemsMax: 100,
    waitingMax: 100,
    isItemFault: (error) => error instanceof ItemFault,
    ...options,
  });
  return { batch, gates };
}

/** Lets pass what is scheduled for the next turns of the event loop, so that whatever would leave has left. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("items added in one turn leave in one flush, and each caller gets its own result", async () => {
  const { batch, gates } = gatedBatch();
  const results = [batch.add(1), batch.add(2), batch.add(3)];
  await turns();
  expect(gates.map(({ items }) => items)).toEqual([[1, 2, 3]]);
  gates[0]?.answer();
  expect(await Promise.all(results)).toEqual([10, 20, 30]);
});

test("at most two flushes are under way; what comes meanwhile waits and leaves together, in order", async () => {
  const { batch, gates } = gatedBatch();
  const results = [batch.add(1)];
  await turns();
  results.push(batch.add(2));
  await turns();
  results.push(batch.add(3));
  await turns();
  results.push(batch.add(4));
  await turns();
  expect(gates.map(({ items }) => items)).toEqual([[1], [2]]);
  gates[1]?.answer();
  await turns();
  expect(gates.map(({ items }) => items)).toEqual([[1], [2], [3, 4]]);
  for (const gate of gates) gate.answer();
  expect(await Promise.all(results)).toEqual([10, 20, 30, 40]);
});

test("a flush takes at most its maximum of items", async () => {
  const { batch, gates } = gatedBatch({ itemsMax: 2 });
  const results = [1, 2, 3, 4, 5].map((item) => batch.add(item));
  await turns();
  expect(gates.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  gates[0]?.answer();
  await turns();
  expect(gates.map(({ items }) => items)).toEqual([[1, 2], [3, 4], [5]]);
  for (const gate of gates) gate.answer();
  expect(await Promise.all(results)).toEqual([10, 20, 30, 40, 50]);
});

test("a flush ends before the item that would exceed its weight, but takes a single item of any size", async () => {
  const weight = { of: (item: number) => item, inFlushMax: 10, waitingMax: 1_000 };
  const { batch, gates } = gatedBatch({ weight });
  const results = [4, 6, 1, 50].map((item) => batch.add(item));
  await turns();
  gates[0]?.answer();
  await turns();
  expect(gates.map(({ items }) => items)).toEqual([[4, 6], [1], [50]]);
  for (const gate of gates) gate.answer();
  await Promise.all(results);
});

test("beyond the most that may wait an item is refused at once, and the others are not touched", async () => {
  const { batch, gates } = gatedBatch({ waitingMax: 2 });
  const results = [batch.add(1), batch.add(2)];
  await expect(batch.add(3)).rejects.toBeInstanceOf(BatchFullError);
  await turns();
  const afterwards = batch.add(4);
  await turns();
  for (const gate of gates) gate.answer();
  expect(await Promise.all([...results, afterwards])).toEqual([10, 20, 40]);
});

test("beyond the most weight that may wait an item is refused, and there is room again once they have left", async () => {
  const weight = { of: (item: number) => item, inFlushMax: 100, waitingMax: 10 };
  const { batch, gates } = gatedBatch({ weight });
  const results = [batch.add(6)];
  await expect(batch.add(5)).rejects.toBeInstanceOf(BatchFullError);
  results.push(batch.add(4));
  await turns();
  results.push(batch.add(7), batch.add(3));
  await turns();
  for (const gate of gates) gate.answer();
  expect(await Promise.all(results)).toEqual([60, 40, 70, 30]);
});

test("an item is weighed once, as it comes: what is learnt of its weight later leaves nothing behind", async () => {
  let each = 10;
  const { batch, gates } = gatedBatch({ weight: { of: () => each, inFlushMax: 20, waitingMax: 20 } });
  const results = [batch.add(1), batch.add(2)];
  each = 1;
  await turns();
  results.push(batch.add(3), batch.add(4), batch.add(5));
  await turns();
  for (const gate of gates) gate.answer();
  expect(await Promise.all(results)).toEqual([10, 20, 30, 40, 50]);
});

test("one bad item fails alone: the batch is halved until only it is left", async () => {
  const flushes: number[][] = [];
  const batch = createBatch<number, number>({
    flush: (items) => {
      flushes.push(items);
      if (items.includes(5)) return Promise.reject(new ItemFault("five"));
      return Promise.resolve(items.map((item) => item * 10));
    },
    itemsMax: 100,
    waitingMax: 100,
    isItemFault: (error) => error instanceof ItemFault,
  });
  const results = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map((item) => batch.add(item)));
  expect(results.map((result) => (result.status === "fulfilled" ? result.value : null))).toEqual([
    10,
    20,
    30,
    40,
    null,
    60,
    70,
    80,
  ]);
  expect(results[4]).toMatchObject({ status: "rejected", reason: expect.any(ItemFault) });
  expect(flushes.length).toBeLessThanOrEqual(1 + 2 * 3);
});

test("the batch is halved as often as the fault allows", async () => {
  const flushes: number[] = [];
  const batch = createBatch<number, number>({
    flush(items) {
      flushes.push(items.length);
      return Promise.reject(new ItemFault("too slow"));
    },
    itemsMax: 100,
    waitingMax: 100,
    isItemFault: (_, halvings) => halvings < 2,
  });
  await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map((item) => batch.add(item)));
  expect(flushes).toEqual([8, 4, 2, 2, 4, 2, 2]);
});

test("a fault that no item caused rejects the whole batch after one try", async () => {
  const { batch, gates } = gatedBatch();
  const results = Promise.allSettled([batch.add(1), batch.add(2), batch.add(3)]);
  await turns();
  gates[0]?.fail(new Error("the database is away"));
  expect((await results).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  await turns();
  expect(gates).toHaveLength(1);
});

test("a flush that answers too few results rejects its items instead of leaving some for ever", async () => {
  const batch = createBatch<number, number>({
    flush: (items) => Promise.resolve(items.slice(1)),
    itemsMax: 100,
    waitingMax: 100,
    isItemFault: () => false,
  });
  const results = await Promise.allSettled([batch.add(1), batch.add(2)]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
});

test("a flush that throws before it returns a promise rejects its items, and the batch goes on", async () => {
  let calls = 0;
  const batch = createBatch<number, number>({
    flush: (items) => {
      calls += 1;
      if (calls === 1) throw new Error("at once");
      return Promise.resolve(items);
    },
    itemsMax: 100,
    waitingMax: 100,
    isItemFault: () => false,
  });
  await expect(batch.add(1)).rejects.toThrow("at once");
  expect(await batch.add(2)).toBe(2);
});

test("idle resolves once nothing waits and nothing is under way, at once when that is so", async () => {
  const { batch, gates } = gatedBatch({ itemsMax: 1 });
  await batch.idle();
  const results = [batch.add(1), batch.add(2), batch.add(3)];
  let isIdle = false;
  const idle = batch.idle().then(() => {
    isIdle = true;
  });
  await turns();
  gates[0]?.answer();
  gates[1]?.answer();
  await turns();
  expect({ isIdle, flushes: gates.length }).toEqual({ isIdle: false, flushes: 3 });
  gates[2]?.answer();
  await idle;
  expect(await Promise.all(results)).toEqual([10, 20, 30]);
});

describe("with company of late", () => {
  const WAIT_MS_MAX = 8;
  const QUIET_MS = 3;
  const LAPSE_MS = 50;

  beforeEach(() => void jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] }));
  afterEach(() => void jest.useRealTimers());

  async function pass(ms: number): Promise<void> {
    jest.advanceTimersByTime(ms);
    await turns();
  }

  /** A batch whose last flush was of so many. */
  async function batchAfter(items: number, options: Partial<BatchOptions<number, number>> = {}) {
    const { batch, gates } = gatedBatch(options);
    for (let item = 0; item < items; item++) void batch.add(item);
    await turns();
    gates[0]?.answer();
    await turns();
    return { batch, gates, left: (): number[][] => gates.slice(1).map((gate) => gate.items) };
  }

  test("a flush waits for more, and leaves when nobody came for a while", async () => {
    const { batch, left } = await batchAfter(24);
    void batch.add(1);
    await pass(QUIET_MS - 1);
    void batch.add(2);
    await pass(QUIET_MS - 1);
    expect(left()).toEqual([]);
    await pass(1);
    expect(left()).toEqual([[1, 2]]);
  });

  test("a flush waits no longer for more than its first item may", async () => {
    const { batch, left } = await batchAfter(24);
    for (let ms = 0; ms < WAIT_MS_MAX; ms += 2) {
      expect(left()).toEqual([]);
      void batch.add(ms);
      await pass(2);
    }
    expect(left()).toEqual([[0, 2, 4, 6]]);
  });

  test("what waited behind other flushes does not wait again", async () => {
    const { batch, gates, left } = await batchAfter(24);
    void batch.add(1);
    await pass(QUIET_MS);
    void batch.add(2);
    await pass(QUIET_MS);
    void batch.add(3);
    await pass(WAIT_MS_MAX);
    expect(left()).toEqual([[1], [2]]);
    gates[1]?.answer();
    await turns();
    expect(left()).toEqual([[1], [2], [3]]);
  });

  test.each<[string, Partial<BatchOptions<number, number>>, number[]]>([
    ["many", {}, Array.from({ length: 32 }, (_, item) => item)],
    ["as many as it takes", { itemsMax: 24 }, Array.from({ length: 24 }, (_, item) => item)],
    [
      "all the weight that it takes",
      { weight: { of: (item) => item, inFlushMax: 1_000, waitingMax: 5_000 } },
      [1, 999],
    ],
  ])("a flush of %s waits for no more, and leaves once", async (_, options, items) => {
    const { batch, left } = await batchAfter(24, options);
    for (const item of items) {
      expect(left()).toEqual([]);
      void batch.add(item);
      await turns();
    }
    expect(left()).toEqual([items]);
    await pass(WAIT_MS_MAX);
    expect(left()).toEqual([items]);
  });

  test.each([
    ["flushes were of two or so", 23, 0],
    ["none has left for a while", 24, LAPSE_MS],
  ])("a flush leaves at once where %s", async (_, items, pauseMs) => {
    const { batch, left } = await batchAfter(items);
    await pass(pauseMs);
    void batch.add(1);
    await turns();
    expect(left()).toEqual([[1]]);
  });

  test("what came before a pause says nothing after it", async () => {
    const { batch, left } = await batchAfter(40);
    await pass(LAPSE_MS);
    for (const item of [1, 2]) {
      void batch.add(item);
      await turns();
    }
    expect(left()).toEqual([[1], [2]]);
  });

  test("idle waits for what waits for company", async () => {
    const { batch, gates } = await batchAfter(24);
    const result = batch.add(1);
    let isIdle = false;
    void batch.idle().then(() => (isIdle = true));
    await pass(QUIET_MS);
    expect(isIdle).toBe(false);
    gates[1]?.answer();
    expect(await result).toBe(10);
    await turns();
    expect(isIdle).toBe(true);
  });
});

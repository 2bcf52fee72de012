import { createServer, type Server } from "node:net";
import { createDatabase, type Database } from "@homing/db/client";
import { migrate } from "@homing/db/migrate";
import { createTestDatabase, prepareTemplate, type TestDatabase } from "@homing/local/test-database";
import { testRedis } from "@homing/local/test-redis";
import { freePort } from "@homing/local/free-port";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { createRateLimiter, type RateLimiter, type RateUse } from "../src/rate-limit.js";

const redis = await testRedis();
afterAll(() => redis?.stop());

const limiters: RateLimiter[] = [];
afterEach(async () => {
  await Promise.all(limiters.splice(0).map((limiter) => limiter.close()));
});

function open(perSecond: number, redisUrl: string | null, db?: Database): RateLimiter {
  const limiter = createRateLimiter({ perSecond, redisUrl, ...(db && { db }), onError: () => undefined });
  limiters.push(limiter);
  return limiter;
}

/** Takes in turns until one is refused; what each was told in the last window. */
async function takeInTurns(turns: readonly RateLimiter[], key: string): Promise<RateUse[]> {
  let uses: RateUse[] = [];
  for (let turn = 0; uses.at(-1)?.isAllowed !== false; turn += 1) {
    const use = await turns[turn % turns.length]?.take(key);
    if (use === undefined) throw new Error("no limiter");
    // A first request of a new window.
    if (use.remaining === use.limit - 1) uses = [];
    uses.push(use);
  }
  return uses;
}

const remainingOf = (uses: RateUse[]): number[] => uses.map(({ remaining }) => remaining);

test("a key may ask so often in a second, another key as often, and the same again in the next second", async () => {
  const limiter = open(3, null);
  expect(remainingOf(await takeInTurns([limiter], "a"))).toEqual([2, 1, 0, 0]);
  expect(await limiter.take("b")).toEqual({
    isAllowed: true,
    limit: 3,
    remaining: 2,
    windowSeconds: 1,
    resetSeconds: 1,
  });
  await waitFor(async () => (await limiter.take("a")).isAllowed, { what: "the next window" });
});

(redis === null ? describe.skip : describe)("on Redis", () => {
  const url = redis?.url ?? "";

  test("processes share one count for a key", async () => {
    const [one, two] = [open(6, url), open(6, url)];
    await untilShared(one, two);
    expect(remainingOf(await takeInTurns([one, two], uuidv7()))).toEqual([5, 4, 3, 2, 1, 0, 0]);
  });

  test("a key over its limit may ask again in the next window, in every process", async () => {
    const [one, two] = [open(2, url), open(2, url)];
    await untilShared(one, two);
    const key = uuidv7();
    expect((await takeInTurns([one, two], key)).at(-1)?.isAllowed).toBe(false);
    await waitFor(async () => (await two.take(key)).isAllowed, { what: "the next window" });
    await waitFor(async () => (await one.take(key)).isAllowed, { what: "the next window" });
  });

  const own = redis?.own ?? null;
  (own === null ? test.skip : test)(
    "a Redis that stops answering delays no request by a second and refuses none",
    async () => {
      const pid = Number(own?.pid);
      const limiter = open(100, url);
      await untilShared(limiter, open(100, url));
      process.kill(pid, "SIGSTOP");
      try {
        const begunMs = performance.now();
        expect((await limiter.take(uuidv7())).isAllowed).toBe(true);
        expect(performance.now() - begunMs).toBeLessThan(1_000);
      } finally {
        process.kill(pid, "SIGCONT");
      }
    },
  );
});

describe("on Postgres", () => {
  let database: TestDatabase;
  let dbs: [Database, Database];

  beforeAll(async () => {
    const template = await prepareTemplate("homing", async (url) => {
      await migrate(url);
    });
    database = await createTestDatabase({ template });
    const connect = () => createDatabase({ url: database.url, connectionsMax: 2, applicationName: "limiter-test" });
    dbs = [connect(), connect()];
  });
  afterAll(async () => {
    await Promise.all(dbs.map((db) => db.$disconnect()));
    await database.drop();
  });

  test("processes share one count for a key, and let it ask again in the next window", async () => {
    const [one, two] = [open(6, null, dbs[0]), open(6, null, dbs[1])];
    const key = uuidv7();
    expect(remainingOf(await takeInTurns([one, two], key))).toEqual([5, 4, 3, 2, 1, 0, 0]);
    await waitFor(async () => (await two.take(key)).isAllowed, { what: "the next window" });
    await waitFor(async () => (await one.take(key)).isAllowed, { what: "the next window" });
  });

  test("requests that come together are counted one by one, each key by itself, in one statement", async () => {
    const limiter = open(1_000, null, dbs[0]);
    const [a, b] = [uuidv7(), uuidv7()];
    const uses = await Promise.all([a, b, a, a, b].map((key) => limiter.take(key)));
    expect(remainingOf(uses)).toEqual([999, 999, 998, 997, 998]);
    const [row] = await dbs[0].$queryRaw<{ writes: number }[]>`
      SELECT count(DISTINCT xmin::text)::int AS writes FROM rate_limits WHERE key = ANY (${[a, b]})`;
    expect(row?.writes).toBe(1);
  });

  test("a table that is locked delays no request by a second and refuses none", async () => {
    const limiter = open(3, null, dbs[0]);
    await dbs[1].$transaction(async (transaction) => {
      await transaction.$executeRaw`LOCK TABLE rate_limits`;
      const begunMs = performance.now();
      expect((await limiter.take("a")).isAllowed).toBe(true);
      expect(performance.now() - begunMs).toBeLessThan(1_000);
    });
  });
});

describe("without its Redis", () => {
  let silent: Server | undefined;
  afterEach(() => {
    silent?.close();
    silent = undefined;
  });

  async function expectQuickAndLimited(redisUrl: string): Promise<void> {
    const limiter = open(2, redisUrl);
    const begunMs = performance.now();
    expect((await limiter.take("a")).isAllowed).toBe(true);
    expect(performance.now() - begunMs).toBeLessThan(1_000);
    expect(remainingOf(await takeInTurns([limiter], "b"))).toEqual([1, 0, 0]);
  }

  test("a process limits by itself, at once, when nothing listens", async () => {
    await expectQuickAndLimited(`redis://127.0.0.1:${await freePort()}`);
  });

  test("a process limits by itself, at once, when what listens says nothing", async () => {
    const port = await freePort();
    silent = createServer((socket) => socket.unref()).listen(port, "127.0.0.1");
    await expectQuickAndLimited(`redis://127.0.0.1:${port}`);
  });
});

/** Both are connected once they count the same key together. */
async function untilShared(one: RateLimiter, two: RateLimiter): Promise<void> {
  await waitFor(
    async () => {
      const key = uuidv7();
      const first = await one.take(key);
      const second = await two.take(key);
      return second.remaining === first.remaining - 1;
    },
    { what: "both limiters to reach Redis" },
  );
}

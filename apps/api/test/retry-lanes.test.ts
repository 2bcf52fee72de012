import { SYSTEM } from "@homing/core/audit-log/actor";
import { waitFor } from "@homing/local/wait-for";
import { BatchFullError } from "@homing/runtime/batch";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { v7 as uuidv7 } from "uuid";
import { type ContractApi, startContractApi } from "./contracts/contract-api.js";

const FLUSHES_UNDER_WAY = 2;
const IDS = 500;
/** What is under way, and what may wait. */
const TAKEN = 40 + 2 * FLUSHES_UNDER_WAY;
const ASKED = 60;
const LIMITS = { timeout: 30_000 };

let api: ContractApi;

beforeAll(async () => {
  api = await startContractApi();
});

afterAll(() => api.stop());

function retryOf(ids: number) {
  const deliveryIds = Array.from({ length: ids }, () => uuidv7());
  return api.context.retry.add({
    organizationId: uuidv7(),
    deliveryIds,
    states: ["failed"],
    receivedAtMs: performance.now(),
    actor: SYSTEM,
  });
}

async function countWaiting(): Promise<number> {
  const [row] = await api.db.$queryRaw<{ waiting: number }[]>`
    SELECT count(*)::int AS waiting FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()`;
  return row?.waiting ?? 0;
}

test("retries of many deliveries are taken by their deliveries, and what is too much leaves a single retry its way", async () => {
  const many: Promise<PromiseSettledResult<unknown>[]>[] = [];
  await api.db.$transaction(async (transaction) => {
    // Holds up whatever is under way.
    await transaction.$executeRaw`LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE`;
    many.push(Promise.allSettled([retryOf(IDS)]));
    await waitFor(async () => (await countWaiting()) === 1, { what: "a flush to be under way" });
    many.push(Promise.allSettled(Array.from({ length: ASKED }, () => retryOf(IDS))));
    await waitFor(async () => (await countWaiting()) === FLUSHES_UNDER_WAY, { what: "a second one, and no third" });
    many.push(Promise.allSettled([retryOf(1)]));
    // It is held up as well, but it is under way.
    await waitFor(async () => (await countWaiting()) > FLUSHES_UNDER_WAY, { what: "the single retry to be under way" });
  }, LIMITS);
  const [first = [], rest = [], single = []] = await Promise.all(many);
  expect(single).toEqual([{ status: "fulfilled", value: [expect.objectContaining({ outcome: "not_found" })] }]);
  const answers = [...first, ...rest];
  const refused = answers.filter(({ status }) => status === "rejected");
  expect(refused).toEqual(refused.map(() => ({ status: "rejected", reason: expect.any(BatchFullError) })));
  expect(answers.length - refused.length).toBeGreaterThanOrEqual(40);
  expect(answers.length - refused.length).toBeLessThanOrEqual(TAKEN);
});

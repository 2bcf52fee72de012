import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { migrateQueue } from "../src/migrate-queue.js";
import { createEnds, type Ends, hint, jobOf } from "./ends.js";
import { runSql, type Service, startPostgresService, waitFor } from "./services.js";

const RERUN_MS_MAX = 15_000;

let service: Service;
let databaseUrl = "";
let ends: Ends;

beforeAll(async () => {
  service = await startPostgresService();
});
beforeEach(async () => {
  ends = createEnds();
  databaseUrl = (await service.fresh()).databaseUrl ?? "";
});
afterEach(() => ends.close());
afterAll(() => service.stop());

test("processes that migrate at the same time all succeed, and both ends open at once", async () => {
  await runSql(databaseUrl, "DROP SCHEMA bullmq CASCADE");
  const versions = await Promise.all(Array.from({ length: 5 }, () => migrateQueue(databaseUrl)));
  expect(new Set(versions).size).toBe(1);
  const done = { outcome: "succeeded" };
  await Promise.all([ends.queue({ databaseUrl }), ends.worker({ databaseUrl }, async () => done)]);
});

test("both ends refuse to open on a database that was not migrated", async () => {
  await runSql(databaseUrl, "DROP SCHEMA bullmq CASCADE");
  await expect(ends.queue({ databaseUrl })).rejects.toThrow(/"bullmq" is not initialized/);
  await expect(ends.worker({ databaseUrl }, async () => ({ outcome: "" }))).rejects.toThrow(
    /"bullmq" is not initialized/,
  );
});

test("the queue keeps to a schema of its own", async () => {
  const schemas = await runSql(
    databaseUrl,
    `SELECT DISTINCT n.nspname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
  );
  expect(schemas).toEqual([{ name: "bullmq" }]);
});

test("after a worker whose clock was 5 minutes ahead, the jobs of one that died are run again all the same", async () => {
  const queue = await ends.queue({ databaseUrl });
  const lost = hint();
  await queue.enqueue([jobOf(lost)]);
  await runSql(databaseUrl, "UPDATE bullmq.job SET state = 'active', lock_token = 'gone', locked_until_ms = 0");
  await runSql(
    databaseUrl,
    `INSERT INTO bullmq.meta (queue, field, value)
     VALUES ('deliveries', 'stalled-check', ((extract(epoch FROM now()) * 1000)::bigint + 300000)::text)
     ON CONFLICT (queue, field) DO UPDATE SET value = excluded.value`,
  );
  const seen: string[] = [];
  await ends.worker({ databaseUrl }, async ({ deliveryId }) => (seen.push(deliveryId), { outcome: "succeeded" }));
  await waitFor(() => seen.includes(lost.deliveryId), RERUN_MS_MAX);
  expect(seen).toEqual([lost.deliveryId]);
});

test("both ends survive the loss of every connection", async () => {
  const queue = await ends.queue({ databaseUrl });
  const seen: string[] = [];
  await ends.worker({ databaseUrl }, async ({ deliveryId }) => (seen.push(deliveryId), { outcome: "succeeded" }));
  const before = hint();
  await queue.enqueue([jobOf(before)]);
  await waitFor(() => seen.includes(before.deliveryId));
  await runSql(
    databaseUrl,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
  );
  const after = hint();
  await waitFor(() =>
    queue.enqueue([jobOf(after)]).then(
      () => true,
      () => false,
    ),
  );
  await waitFor(() => seen.includes(after.deliveryId));
  expect(ends.failures).toEqual([]);
});

test("the epoch never changes, since Postgres loses no hint", async () => {
  const queue = await ends.queue({ databaseUrl });
  expect(await queue.epoch(1_000)).toBe(0);
  expect(await queue.epoch(2_000)).toBe(0);
});

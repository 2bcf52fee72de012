import { afterEach, beforeEach, describe, test } from "@jest/globals";
import { createEnds, type Ends, hint, jobOf } from "./ends.js";
import { hasRedisServer, type RedisServer, startRedis, startRedisCluster, startSentinel, waitFor } from "./services.js";

const onRedis = hasRedisServer ? describe : describe.skip;

onRedis("a hint travels from producer to worker", () => {
  let ends: Ends;
  let servers: RedisServer[] = [];

  beforeEach(() => {
    ends = createEnds();
  });
  afterEach(async () => {
    await ends.close();
    await Promise.all(servers.map((server) => server.stop()));
    servers = [];
  });

  async function expectDelivery(redisUrl: string): Promise<void> {
    const queue = await ends.queue({ redisUrl });
    const sent = [hint(), hint()];
    const seen = new Set<string>();
    await ends.worker({ redisUrl }, async ({ deliveryId }) => (seen.add(deliveryId), { outcome: "succeeded" }));
    await queue.enqueue(sent.map((one, index) => jobOf(one, { delayMs: 100 * index })));
    await waitFor(() => sent.every(({ deliveryId }) => seen.has(deliveryId)));
    await queue.epoch(1);
  }

  test("through a Redis that wants a password", async () => {
    const server = await startRedis(["--user", "ann", "on", ">s@fe/1", "~*", "&*", "+@all"]);
    servers = [server];
    await expectDelivery(`redis://ann:s%40fe%2F1@127.0.0.1:${server.port}/2`);
  });

  test("through the primary that a Sentinel names", async () => {
    const primary = await startRedis();
    servers = [primary];
    const sentinel = await startSentinel("homing-main", primary.port);
    servers.push(sentinel);
    await expectDelivery(`redis+sentinel://127.0.0.1:${sentinel.port}/homing-main/1`);
  });

  test("through a Redis Cluster", async () => {
    const node = await startRedisCluster();
    servers = [node];
    await expectDelivery(`redis+cluster://127.0.0.1:${node.port}`);
  });
});

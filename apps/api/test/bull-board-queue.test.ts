import { afterAll, describe, expect, test } from "@jest/globals";
import { testRedis } from "@homing/local/test-redis";
import { createDeliveryQueue } from "@homing/queue/queue";
import request from "supertest";
import { createBoard } from "../src/ops/bull-board.js";
import { countLogins } from "./count-logins.js";
import { createToyApp } from "./toy.js";

const redis = await testRedis();
afterAll(() => redis?.stop());

(redis === null ? describe.skip : describe)("on Redis", () => {
  test("the board shows the delivery queue and its waiting jobs", async () => {
    const queue = await createDeliveryQueue({
      redisUrl: redis?.url,
      databaseUrl: "postgres://unused",
      onError: () => {},
    });
    const deliveryId = "0197f3a0-0000-7000-8000-000000000001";
    await queue.enqueue([
      {
        hints: [{ deliveryId, webhookId: "0197f3a0-0000-7000-8000-000000000002", series: 1, number: 1 }],
        delayMs: 0,
      },
    ]);
    const { app } = createToyApp({
      board: createBoard([queue.bullQueue], { username: "ops", password: "pass" }, countLogins()),
    });
    const answer = await request(app).get("/ops/queues/api/queues").auth("ops", "pass").expect(200);
    await queue.close();
    expect(answer.body.queues).toEqual([
      expect.objectContaining({ name: "deliveries", counts: expect.objectContaining({ waiting: 1 }) }),
    ]);
  });
});

import { expect, test } from "@jest/globals";
import request from "supertest";
import { createHealth, type HealthCheck } from "../src/ops/health.js";
import { createToyApp } from "./toy.js";

function serve(checks: Record<string, HealthCheck>, limitMs?: number) {
  const health = createHealth(checks, limitMs);
  return { health, ...createToyApp({ health: health.router }) };
}

test("a process with all its parts is ready", async () => {
  const { app, lines } = serve({ database: async () => 1, redis: async () => undefined });
  await request(app).get("/livez").expect(200, { status: "live" });
  await request(app)
    .get("/readyz")
    .expect(200, { status: "ready", checks: { database: "ok", redis: "ok" } });
  expect(lines).toEqual([]);
});

test("a process with a part that fails or throws is alive but not ready", async () => {
  const { app } = serve({
    database: () => Promise.reject(new Error("no")),
    redis: () => {
      throw new Error("no");
    },
  });
  const checks = { database: "unreachable", redis: "unreachable" };
  await request(app).get("/readyz").expect(503, { status: "unready", checks });
  await request(app).get("/livez").expect(200);
});

test("a check that hangs counts as failed once its limit is over", async () => {
  const { app } = serve({ database: () => new Promise(() => undefined) }, 20);
  await request(app)
    .get("/readyz")
    .expect(503, { status: "unready", checks: { database: "unreachable" } });
});

test("a process that stops is not ready whatever its parts say", async () => {
  const { app, health } = serve({ database: async () => 1 });
  health.stop();
  await request(app)
    .get("/readyz")
    .expect(503, { status: "stopping", checks: { database: "ok" } });
  await request(app).get("/livez").expect(200);
});

import { expect, test } from "@jest/globals";
import request from "supertest";
import { createNativeSurface } from "../src/native-surface.js";
import { createOpenApi } from "../src/openapi.js";
import { expectDocumented } from "./openapi-answers.js";
import { createToyApp, KEY, toyRoutes } from "./toy.js";

const document = createOpenApi([createNativeSurface(toyRoutes)]);
const TOY = "/v1/toys/0197f3a0-0000-7000-8000-000000000001";

test("what a route answers is what the document says", async () => {
  const { app } = createToyApp();
  const bearer = `Bearer ${KEY}`;
  const asked = [
    request(app).post("/v1/toys").set("Authorization", bearer).send({ name: "car", wheels: null }),
    request(app).get(TOY).set("Authorization", bearer),
    request(app).delete(TOY).set("Authorization", bearer),
    request(app).post(`${TOY}/wind`).set("Authorization", bearer),
    request(app).get("/v1/greeting"),
  ];
  const statuses: number[] = [];
  for (const one of asked) {
    const { status, body, headers } = await one;
    statuses.push(status);
    const { pathname } = new URL(one.url);
    expectDocumented(document, {
      method: one.method,
      path: pathname,
      status,
      body,
      contentType: headers["content-type"],
    });
  }
  expect(statuses).toEqual([201, 200, 204, 200, 200]);
});

test("an answer that the document does not describe is found out", () => {
  const good = { toy_id: TOY.slice(9), name: "car", wheels: 4, owner: "org-1" };
  const seen = { method: "GET", path: TOY, status: 200, contentType: "application/json", body: good };
  expect(() => expectDocumented(document, seen)).not.toThrow();
  expect(() => expectDocumented(document, { ...seen, status: 418 })).toThrow();
  expect(() => expectDocumented(document, { ...seen, contentType: "text/html" })).toThrow();
  expect(() => expectDocumented(document, { ...seen, path: "/v1/nowhere" })).toThrow();
  expect(() => expectDocumented(document, { ...seen, body: { ...good, extra: 1 } })).toThrow();
  expect(() => expectDocumented(document, { ...seen, body: { ...good, toy_id: "17" } })).toThrow();
  expect(() => expectDocumented(document, { ...seen, body: { ...good, owner: undefined } })).toThrow();
});

test("the literal null is a body", async () => {
  const answer = await request(createToyApp().app).get("/v1/greeting");
  expect(answer.text).toBe("null");
  expect(answer.headers["content-length"]).toBe("4");
});

test("a handler sees the headers that its schema names and no others", async () => {
  const { app } = createToyApp();
  const ask = request(app).post("/v1/toys").set("Authorization", `Bearer ${KEY}`).set("Idempotency-Key", "k");
  expect((await ask.send({ name: "car" })).headers["x-header-names"]).toBe("idempotency-key");
});

test("answers say neither what serves them nor may they be cached", async () => {
  const { headers } = await request(createToyApp().app).get("/v1/greeting");
  expect(headers["x-powered-by"]).toBeUndefined();
  expect(headers["etag"]).toBeUndefined();
  expect(headers["cache-control"]).toBe("no-store");
});

test("no answer may be framed, sniffed or run as a page", async () => {
  const { headers } = await request(createToyApp().app).get("/v1/greeting");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["x-frame-options"]).toBe("DENY");
  expect(headers["content-security-policy"]).toBe("default-src 'none';frame-ancestors 'none'");
  expect(headers["strict-transport-security"]).toMatch(/^max-age=\d+/);
});

test("each request has an id of its own, whatever the client sends", async () => {
  const { app } = createToyApp();
  const first = await request(app).get("/v1/greeting").set("X-Request-Id", "mine");
  const second = await request(app).get("/v1/greeting");
  expect(first.headers["x-request-id"]).toMatch(/^req_[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(first.headers["x-request-id"]).not.toBe(second.headers["x-request-id"]);
});

test("a request is one log line without ids, keys, queries or bodies", async () => {
  const { app, lines } = createToyApp();
  const answer = await request(app).get(`${TOY}?name=secretname`).set("Authorization", `Bearer ${KEY}`);
  expect(lines).toEqual([
    expect.objectContaining({
      level: 30,
      method: "GET",
      route: "/v1/toys/{toy_id}",
      status: 200,
      duration_ms: expect.any(Number),
      request_id: answer.headers["x-request-id"],
      organization_id: "org-1",
    }),
  ]);
  const text = JSON.stringify(lines);
  for (const hidden of ["secretname", KEY, TOY]) expect(text).not.toContain(hidden);
});

test("a failure of ours is logged with its stack on the request's one line", async () => {
  const { app, lines } = createToyApp();
  await request(app).post("/v1/failures/ours");
  expect(lines).toEqual([
    expect.objectContaining({
      level: 50,
      status: 500,
      err: expect.objectContaining({ stack: expect.stringContaining("toy.") }),
    }),
  ]);
});

test("a refusal is no error in the log", async () => {
  const { app, lines } = createToyApp();
  await request(app).post("/v1/failures/not_found");
  expect(lines).toEqual([expect.objectContaining({ level: 30, status: 404 })]);
  expect(lines[0]).not.toHaveProperty("err");
});

import { expect, test } from "@jest/globals";
import Joi from "joi";
import request from "supertest";
import { createNativeSurface } from "../src/native-surface.js";
import { createOpenApi } from "../src/openapi.js";
import type { ProblemCode } from "../src/problem.js";
import { route } from "../src/route.js";
import type { Surface } from "../src/surface.js";
import { expectDocumented } from "./openapi-answers.js";
import { createToyApp, KEY, toyRoutes } from "./toy.js";

const STATUSES: Partial<Record<ProblemCode, number>> = {
  unauthenticated: 401,
  route_not_found: 404,
  method_not_allowed: 405,
  internal_error: 500,
  payload_too_large: 413,
};

/** As a contract with errors of its own: `{message}`, and 400 for nearly all. */
const foreign: Surface = {
  name: "foreign",
  owns: (path) => path === "/v1/toys/orders" || path.startsWith("/v1/toys/orders/"),
  routes: [
    route({
      method: "POST",
      path: "/v1/toys/orders/{order_id}/retry",
      operationId: "retryOrder",
      summary: "Again",
      tag: "orders",
      scope: "events:write",
      input: { params: Joi.object({ order_id: Joi.string().guid().required() }), body: Joi.object() },
      answers: { 200: { description: "Done", schema: Joi.any().valid(null) } },
      refusals: [],
      handle: async () => ({ status: 200, body: null }),
    }),
  ],
  encodeProblem: ({ code, faults }) => ({
    status: STATUSES[code] ?? 400,
    contentType: "application/json",
    body: { message: faults[0] === undefined ? code : `${code} in ${faults[0].in}` },
    headers: { "X-Foreign": "yes" },
  }),
  documentProblem: (code) => ({
    status: STATUSES[code] ?? 400,
    contentType: "application/json",
    schema: Joi.object({ message: Joi.string().required() }).id("Message"),
  }),
};

const RETRY = "/v1/toys/orders/0197f3a0-0000-7000-8000-000000000001/retry";
const { app } = createToyApp({ contracts: [foreign] });
const document = createOpenApi([foreign, createNativeSurface(toyRoutes)]);

test("a path's owner spells every refusal of the framework", async () => {
  const keyed = (path: string) => request(app).post(path).set("Authorization", `Bearer ${KEY}`);
  const json = "application/json";
  const cases = [
    { asked: request(app).get("/v1/toys/orders"), status: 404, message: "route_not_found" },
    { asked: request(app).get(RETRY), status: 405, message: "method_not_allowed" },
    { asked: request(app).post(RETRY), status: 401, message: "unauthenticated" },
    { asked: request(app).get("/v1/toys/orders/%ff"), status: 400, message: "malformed_request" },
    { asked: keyed(RETRY).set("Content-Type", "text/plain").send("x"), status: 400, message: "unsupported_media_type" },
    { asked: keyed(RETRY).set("Content-Type", json).send("{"), status: 400, message: "malformed_json" },
    { asked: keyed(RETRY).send({ x: "x".repeat(300_000) }), status: 413, message: "payload_too_large" },
    { asked: keyed("/v1/toys/orders/17/retry").send({}), status: 400, message: "validation_error in path" },
  ];
  for (const { asked, status, message } of cases) {
    const answer = await asked;
    expect({ status: answer.status, body: answer.body }).toEqual({ status, body: { message } });
    expect(answer.headers["content-type"]).toBe(json);
    expect(answer.headers["x-foreign"]).toBe("yes");
  }
});

test("headers that belong to a problem go out on every surface", async () => {
  expect((await request(app).post(RETRY)).headers["www-authenticate"]).toBe("Bearer");
  expect((await request(app).get(RETRY)).headers["allow"]).toBe("OPTIONS, POST");
});

test("paths beside a contract's stay native", async () => {
  const answer = await request(app).get("/v1/toys/ordersx");
  expect(answer.headers["content-type"]).toBe("application/problem+json");
});

test("the document describes a contract's errors in the contract's shape", async () => {
  const answer = await request(app).post(RETRY);
  const { status, body, headers } = answer;
  expectDocumented(document, { method: "POST", path: RETRY, status, body, contentType: headers["content-type"] });
});

test("a path that two surfaces' documents spell is described once for each method", () => {
  expect(Object.keys(document.paths)).toContain("/v1/toys/orders/{order_id}/retry");
  expect(Object.keys(document.paths["/v1/toys/{toy_id}"] ?? {})).toEqual(["get", "delete"]);
});

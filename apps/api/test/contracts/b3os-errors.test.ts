import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { BatchFullError } from "@homing/runtime/batch";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { createApp } from "../../src/app.js";
import { createB3osSurface } from "../../src/contracts/b3os/surface.js";
import { listen } from "../../src/http-server.js";
import { createProblem, PROBLEM_KINDS, type ProblemCode } from "../../src/problem.js";
import type { Route } from "../../src/route.js";
import type { Surface } from "../../src/surface.js";
import { createAsk } from "./ask.js";
import { DELIVERIES, ENDPOINTS, UNKNOWN_ID } from "./b3os-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

const RETRY = `${DELIVERIES}/${UNKNOWN_ID}/retry`;
const ENDPOINT = { name: "hook", url: "https://example.com/" };
const STATUSES: Record<string, number> = {
  malformed_request: 400,
  malformed_json: 400,
  validation_error: 400,
  idempotency_conflict: 400,
  delivery_in_flight: 400,
  delivery_finished: 400,
  webhook_disabled: 400,
  unauthenticated: 401,
  quota_exhausted: 402,
  forbidden: 403,
  not_found: 404,
  route_not_found: 404,
  webhook_archived: 404,
  method_not_allowed: 405,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  internal_error: 500,
  unavailable: 503,
};

let api: ContractApi;
let us: ContractOrganization;
let receiver: TestReceiver;
let surface: Surface;

beforeAll(async () => {
  api = await startContractApi();
  us = await api.createOrganization();
  receiver = await startReceiver();
  surface = createB3osSurface(api.context);
});
afterAll(async () => {
  await receiver.close();
  await api.stop();
});

function expectError({ status, body, headers }: Response, expected: number): void {
  expect(headers["content-type"]).toBe("application/json");
  expect({ status, body }).toEqual({
    status: expected,
    body: {
      code: expected,
      message: expect.stringMatching(/./),
      requestId: expect.stringMatching(/^req_[0-9A-HJKMNP-TV-Z]{26}$/),
      details: expect.any(Array),
    },
  });
  expect(body.requestId).toBe(headers["x-request-id"]);
}

function isCode(name: string): name is ProblemCode {
  return name in PROBLEM_KINDS;
}

describe("every problem", () => {
  test.each(Object.keys(PROBLEM_KINDS).filter(isCode))("%s has its status, as documented", (code) => {
    const request = { requestId: "req_1", method: "POST", path: RETRY };
    const { status, contentType, body } = surface.encodeProblem(createProblem(code, "Why."), request);
    expect({ status, contentType, body }).toEqual({
      status: STATUSES[code],
      contentType: "application/json",
      body: { code: STATUSES[code], message: "Why.", requestId: "req_1", details: [] },
    });
    const documented = surface.documentProblem(code);
    expect(documented).toMatchObject({ status, contentType });
    expect(documented.schema.validate(body).error).toBeUndefined();
  });

  test("names the faulty fields, the first of them in the message", () => {
    const faults = [
      { in: "body" as const, pointer: "/a~1b/0/c~0d", detail: "must be a string" },
      { in: "body" as const, pointer: "", detail: "is required" },
    ];
    const problem = createProblem("validation_error", "Not valid.", { faults });
    const { body } = surface.encodeProblem(problem, { requestId: "req_1", method: "POST", path: ENDPOINTS });
    expect(body).toEqual({
      code: 400,
      message: "a/b.0.c~d must be a string",
      requestId: "req_1",
      details: [
        { field: "a/b.0.c~d", message: "must be a string" },
        { field: "", message: "is required" },
      ],
    });
  });
});

describe("paths", () => {
  test.each([
    { path: ENDPOINTS, owned: true },
    { path: `${ENDPOINTS}/`, owned: true },
    { path: `${ENDPOINTS}/a/b/c/d`, owned: true },
    { path: `${ENDPOINTS}x`, owned: false },
    { path: "/v1/webhooks", owned: false },
  ])("$path is the contract's own: $owned", ({ path, owned }) => {
    expect(surface.owns(path)).toBe(owned);
  });
});

describe("401", () => {
  test.each([{}, { Authorization: "Bearer hom_nobody" }, { Authorization: "Basic YTpi" }])(
    "with %j",
    async (headers) => {
      for (const route of surface.routes) {
        const answer = await api.ask(route.method, pathOf(route), { headers });
        expectError(answer, 401);
        expect(answer.headers["www-authenticate"]).toBe("Bearer");
      }
    },
  );
});

describe("403", () => {
  test("a key without the scope of the route", async () => {
    const bare = await api.createKey(us, { scopes: ["events:write"] });
    for (const route of surface.routes) {
      const answer = await bare.ask(route.method, pathOf(route));
      expectError(answer, 403);
      expect(answer.body.message).toContain(String(route.scope));
    }
  });

  test("a key that may retry does not need any other scope", async () => {
    const retrier = await api.createKey(us, { scopes: ["deliveries:retry"] });
    expectError(await retrier.ask("POST", RETRY), 404);
    expectError(await retrier.ask("GET", `${DELIVERIES}/${UNKNOWN_ID}`), 403);
  });
});

describe("404", () => {
  test.each(["/nothing/at/all", "/", `/deliveries/${UNKNOWN_ID}/`, `/deliveries/${UNKNOWN_ID}/RETRY`])(
    "a path without a route: %s",
    async (rest) => {
      expectError(await us.ask("POST", `${ENDPOINTS}${rest}`), 404);
    },
  );
});

describe("405", () => {
  test.each([
    { method: "GET", path: RETRY, allow: "OPTIONS, POST" },
    { method: "DELETE", path: `${ENDPOINTS}/${UNKNOWN_ID}`, allow: "GET, HEAD, OPTIONS" },
    { method: "PUT", path: ENDPOINTS, allow: "GET, HEAD, OPTIONS, POST" },
  ] as const)("$method $path says what is allowed", async ({ method, path, allow }) => {
    const answer = await us.ask(method, path);
    expectError(answer, 405);
    expect(answer.headers["allow"]).toBe(allow);
  });
});

describe("creating an endpoint", () => {
  test.each([
    { name: "malformed JSON", asked: { text: "{" }, status: 400 },
    { name: "no body", asked: {}, status: 400 },
    { name: "an array", asked: { json: [] }, status: 400 },
    { name: "null", asked: { json: null }, status: 400 },
    { name: "another Content-Type", asked: { text: "name=hook", contentType: "text/plain" }, status: 415 },
    { name: "no Content-Type", asked: { text: JSON.stringify(ENDPOINT), contentType: null }, status: 415 },
    { name: "a body that is too large", asked: { text: `"${"a".repeat(256 * 1024)}"` }, status: 413 },
  ])("$name: $status", async ({ asked, status }) => {
    expectError(await us.ask("POST", ENDPOINTS, asked), status);
  });
});

describe("400", () => {
  test("a path that is not valid percent-encoding", async () => {
    expectError(await us.ask("POST", `${DELIVERIES}/%ff/retry`), 400);
  });
});

describe("faults of ours", () => {
  const faulty = [
    { name: "500, without a word of the fault", status: 500, error: new Error("a secret of ours") },
    { name: "503 with Retry-After, when too much is waiting", status: 503, error: new BatchFullError("5000 wait") },
  ];

  test.each(faulty)("$name", async ({ status, error }) => {
    const broken = createB3osSurface({
      ...api.context,
      retry: { ...api.context.retry, add: () => Promise.reject(error) },
    });
    const app = createApp({
      contracts: [broken],
      native: { ...broken, routes: [], owns: () => true },
      gate: {
        authenticate: async () => ({
          organizationId: UNKNOWN_ID,
          apiKeyId: UNKNOWN_ID,
          scopes: ["deliveries:retry"],
          by: "api_key" as const,
          webhookId: null,
        }),
        limiter: null,
        deliveryEnabled: true,
      },
      log: api.context.log,
      health: (_req, _res, next) => next(),
      board: null,
    });
    const server = await listen(app, { host: "127.0.0.1", port: 0 });
    try {
      const ask = createAsk(`http://127.0.0.1:${server.port}`, api.document);
      const answer = await ask("POST", RETRY, { headers: { Authorization: "Bearer any" } });
      expectError(answer, status);
      expect(answer.text).not.toContain(error.message);
      expect(answer.headers["retry-after"]).toBe(status === 503 ? "1" : undefined);
    } finally {
      await server.close();
    }
  });
});

function pathOf({ path }: Route): string {
  return path.replace("{id}", UNKNOWN_ID);
}

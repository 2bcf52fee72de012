import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { BatchFullError } from "@homing/runtime/batch";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import request, { type Response } from "supertest";
import type { ApiContext } from "../../src/api-context.js";
import { createApp } from "../../src/app.js";
import { createKallimaSurface } from "../../src/contracts/kallima/surface.js";
import { createCallers } from "../../src/callers.js";
import { createNativeSurface } from "../../src/native-surface.js";
import { createProblem, PROBLEM_KINDS, type ProblemCode } from "../../src/problem.js";
import type { Route } from "../../src/route.js";
import { UNKNOWN_ID } from "../native/fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";
import { get, makeDelivery, makeSent, ROOT } from "./kallima-fixtures.js";

const REQUEST_ID = /^req_[0-9A-HJKMNP-TV-Z]{26}$/;
const ROUTES = [
  "GET /v1/webhook_deliveries",
  "GET /v1/webhook_deliveries/{id}",
  "POST /v1/webhook_deliveries/{id}/retry",
];

let api: ContractApi;
let us: ContractOrganization;
let receiver: TestReceiver;

beforeAll(async () => {
  api = await startContractApi();
  receiver = await startReceiver();
});
afterAll(async () => {
  await api.stop();
  await receiver.close();
});
beforeEach(async () => {
  us = await api.createOrganization();
});

function kallimaRoutes(): Route[] {
  return [...(api.surfaces.find(({ name }) => name === "kallima")?.routes ?? [])];
}

function idsOf(answer: Response): string[] {
  return answer.body.map(({ id }: { id: string }) => id);
}

/** Everything of a problem but its detail. */
function expectProblem(
  { status, headers, body }: Response,
  expected: { status: number; code: string; title: string },
): void {
  expect({ status, type: headers["content-type"], body }).toMatchObject({
    status: expected.status,
    type: "application/problem+json",
    body: {
      type: "about:blank",
      detail: expect.any(String),
      request_id: expect.stringMatching(REQUEST_ID),
      ...expected,
    },
  });
  expect(body.request_id).toBe(headers["x-request-id"]);
}

test("these are the routes of the contract", () => {
  const names = kallimaRoutes().map(({ method, path }) => `${method} ${path.replace("delivery_id", "id")}`);
  expect(names.toSorted((a, b) => a.localeCompare(b))).toEqual(ROUTES);
});

describe("GET /v1/webhook_deliveries", () => {
  test("is a bare list of the newest deliveries, each as it stands alone", async () => {
    const first = await makeSent(us, receiver);
    const second = await makeSent(us, receiver);
    const answer = await us.ask("GET", ROOT);
    expect(answer.status).toBe(200);
    expect(idsOf(answer)).toEqual([second.deliveryId, first.deliveryId]);
    expect(answer.body[1]).toEqual((await get(us, first.deliveryId)).body);
    expect((await us.ask("GET", ROOT, { query: { limit: 1 } })).body).toEqual([answer.body[0]]);
  });

  test("is an empty list where there is nothing", async () => {
    expect((await us.ask("GET", ROOT)).text).toBe("[]");
  });

  test("can be of one webhook alone", async () => {
    const { webhookId, deliveryId } = await makeSent(us, receiver);
    await makeSent(us, receiver);
    expect(idsOf(await us.ask("GET", ROOT, { query: { webhook_id: webhookId } }))).toEqual([deliveryId]);
    expect(idsOf(await us.ask("GET", ROOT, { query: { webhook_id: UNKNOWN_ID } }))).toEqual([]);
  });

  test("has 50 deliveries unless told, and 200 at most", async () => {
    const { webhookId } = await makeSent(us, receiver);
    const events = Array.from({ length: 210 }, () => ({ type: "a", payload: {}, webhook_ids: [webhookId] }));
    api.worker.pause();
    await us.ask("POST", "/v1/events/batch", { json: { events } });
    expect(idsOf(await us.ask("GET", ROOT))).toHaveLength(50);
    expect(idsOf(await us.ask("GET", ROOT, { query: { limit: 200 } }))).toHaveLength(200);
    api.worker.resume();
  });

  test("does not have what was skipped", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    await setDeliveryQuota(api.context, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
    await makeDelivery(us, receiver);
    expect(idsOf(await us.ask("GET", ROOT))).toEqual([deliveryId]);
  });

  test.each([
    ["limit=0", "/limit"],
    ["limit=201", "/limit"],
    ["limit=1.5", "/limit"],
    ["limit=x", "/limit"],
    ["limit=", "/limit"],
    ["webhook_id=x", "/webhook_id"],
    ["webhook_id=", "/webhook_id"],
  ])("with %s is refused: 422", async (query, pointer) => {
    const answer = await us.ask("GET", `${ROOT}?${query}`);
    expectProblem(answer, { status: 422, code: "validation_error", title: "Unprocessable Entity" });
    expect(answer.body.errors).toMatchObject([{ in: "query", pointer }]);
  });
});

test("a query parameter that the contract does not name is passed over", async () => {
  const { deliveryId } = await makeSent(us, receiver);
  expect(idsOf(await us.ask("GET", `${ROOT}?page=2`))).toEqual([deliveryId]);
});

describe("GET /v1/webhook_deliveries/{id}", () => {
  test("takes an id in capitals", async () => {
    const { deliveryId } = await makeSent(us, receiver);
    expect((await get(us, deliveryId.toUpperCase())).body.id).toBe(deliveryId);
  });

  test("of an unknown id is 404, of a malformed one 422", async () => {
    expectProblem(await get(us, UNKNOWN_ID), { status: 404, code: "not_found", title: "Not Found" });
    expectProblem(await get(us, "x"), { status: 422, code: "validation_error", title: "Unprocessable Entity" });
  });
});

describe("on every route", () => {
  test("another method is 405 with those that there are", async () => {
    const allowed = [
      [ROOT, "GET, HEAD, OPTIONS"],
      [`${ROOT}/${UNKNOWN_ID}`, "GET, HEAD, OPTIONS"],
      [`${ROOT}/${UNKNOWN_ID}/retry`, "OPTIONS, POST"],
    ] as const;
    for (const [path, allow] of allowed) {
      const answer = await us.ask("DELETE", path);
      expectProblem(answer, { status: 405, code: "method_not_allowed", title: "Method Not Allowed" });
      expect(answer.headers["allow"]).toBe(allow);
    }
  });
});

test.each([`${ROOT}/`, `${ROOT}/${UNKNOWN_ID}/replay`, `${ROOT}/${UNKNOWN_ID}/retry/`, `${ROOT}/a/b/c`])(
  "a path below the contract's that does not exist is its own 404: %s",
  async (path) => {
    expectProblem(await us.ask("POST", path), { status: 404, code: "route_not_found", title: "Not Found" });
  },
);

test("a neighbour's path is not the contract's", async () => {
  expect((await us.ask("GET", "/v1/webhook_deliveriesx")).body.type).toBe("/docs/problems#route_not_found");
});

describe("when the service itself fails", () => {
  /** Asks for a retry of which the core throws. */
  function retryThatThrows(error: Error): Promise<Response> {
    const context: ApiContext = {
      ...api.context,
      retry: { ...api.context.retry, add: () => Promise.reject(error) },
    };
    const app = createApp({
      contracts: [createKallimaSurface(context)],
      native: createNativeSurface([]),
      gate: { ...createCallers(api.context), limiter: null, deliveryEnabled: true },
      log: api.context.log,
      health: (_req, _res, next) => next(),
      board: null,
    });
    return request(app).post(`${ROOT}/${UNKNOWN_ID}/retry`).set("Authorization", `Bearer ${us.key}`).then();
  }

  test("it is 500, and the fault stays here", async () => {
    const answer = await retryThatThrows(new Error("password=hunter2"));
    expectProblem(answer, { status: 500, code: "internal_error", title: "Internal Server Error" });
    expect(answer.text).not.toContain("hunter2");
  });

  test("it is 503 with Retry-After when too much is waiting", async () => {
    const answer = await retryThatThrows(new BatchFullError("full"));
    expectProblem(answer, { status: 503, code: "unavailable", title: "Service Unavailable" });
    expect(answer.headers["retry-after"]).toBe("1");
  });
});

test("every problem is spelt as the document says", () => {
  const surface = createKallimaSurface(api.context);
  const codes = Object.keys(PROBLEM_KINDS).filter((code): code is ProblemCode => code in PROBLEM_KINDS);
  const spelt = codes.map((code) => {
    const problem = createProblem(code, "why", { faults: [{ in: "body", pointer: "", detail: "x" }] });
    const requestId = "req_01JBAAAA000000000000000000";
    const encoded = surface.encodeProblem(problem, { requestId, method: "GET", path: ROOT });
    const { status, contentType, schema } = surface.documentProblem(code);
    expect({ status, contentType, error: schema.validate(encoded.body).error }).toEqual({
      status: encoded.status,
      contentType: encoded.contentType,
      error: undefined,
    });
    return [code, Object(encoded.body).code];
  });
  expect(spelt.filter(([code, word]) => code !== word)).toEqual([
    ["quota_exhausted", "insufficient_credits"],
    ["webhook_archived", "webhook_deleted"],
  ]);
});

import { expect, test } from "@jest/globals";
import request, { type Response, type Test } from "supertest";
import { createNativeSurface } from "../src/native-surface.js";
import { createOpenApi } from "../src/openapi.js";
import { expectDocumented } from "./openapi-answers.js";
import { createToyApp, KEY, POOR_KEY, toyRoutes } from "./toy.js";

const document = createOpenApi([createNativeSurface(toyRoutes)]);
const { app } = createToyApp();
const TOY = "/v1/toys/0197f3a0-0000-7000-8000-000000000001";

function withKey(asked: Test, key = KEY): Test {
  return asked.set("Authorization", `Bearer ${key}`);
}

function makeToy(body: string | object): Test {
  return withKey(request(app).post("/v1/toys")).set("Content-Type", "application/json").send(body);
}

async function expectProblem(
  asked: Test,
  expected: { status: number; code: string; errors?: object[]; undocumented?: boolean },
): Promise<Response> {
  const answer = await asked;
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status: expected.status, code: expected.code });
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect(answer.body.status).toBe(expected.status);
  expect(answer.body.request_id).toBe(answer.headers["x-request-id"]);
  if (expected.errors !== undefined) expect(answer.body.errors).toEqual(expected.errors);
  if (expected.undocumented !== true) {
    const { method, url } = asked;
    const path = new URL(url).pathname;
    const { status, body } = answer;
    expectDocumented(document, { method, path, status, body, contentType: answer.headers["content-type"] });
  }
  return answer;
}

test("a path that no route has is 404 route_not_found, with a trailing slash or in other case too", async () => {
  for (const path of ["/nowhere", "/v1/toys/", "/V1/toys", "/"]) {
    await expectProblem(withKey(request(app).get(path)), { status: 404, code: "route_not_found", undocumented: true });
  }
});

test("a method that the path does not take is 405 with Allow from the table", async () => {
  const answer = await expectProblem(request(app).put(TOY), {
    status: 405,
    code: "method_not_allowed",
    undocumented: true,
  });
  expect(answer.headers["allow"]).toBe("DELETE, GET, HEAD, OPTIONS");
});

test("OPTIONS answers 204 with Allow and asks for no key", async () => {
  const answer = await request(app).options("/v1/toys");
  expect(answer.status).toBe(204);
  expect(answer.headers["allow"]).toBe("OPTIONS, POST");
});

test("HEAD answers as GET does, without a body", async () => {
  const answer = await withKey(request(app).head(TOY));
  expect(answer.status).toBe(200);
  expect(Number(answer.headers["content-length"])).toBeGreaterThan(0);
  expect(answer.text).toBeUndefined();
});

test("a missing, malformed or unknown key is 401 with WWW-Authenticate", async () => {
  for (const header of ["", "Bearer", "Basic eDp5", `Bearer ${KEY} more`, "Bearer hom_unknown", KEY]) {
    const asked = request(app).get(TOY).set("Authorization", header);
    const answer = await expectProblem(asked, { status: 401, code: "unauthenticated" });
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
  }
});

test("the scheme Bearer is taken in any case", async () => {
  const answer = await request(app).get(TOY).set("Authorization", `bearer ${KEY}`);
  expect(answer.status).toBe(200);
});

test("a key without the route's scope is 403 that names the scope", async () => {
  const answer = await expectProblem(withKey(request(app).get(TOY), POOR_KEY), { status: 403, code: "forbidden" });
  expect(answer.body.detail).toContain("events:read");
});

test("the key is checked before the body is", async () => {
  await expectProblem(request(app).post("/v1/toys").send("nonsense"), { status: 401, code: "unauthenticated" });
});

test("every faulty part of a request is named with a JSON pointer", async () => {
  const body = { wheels: "4", parts: ["a", 1], "odd/na~me": true };
  const asked = makeToy(body).set("Idempotency-Key", "much too long a key");
  await expectProblem(asked, {
    status: 422,
    code: "validation_error",
    errors: [
      { in: "header", pointer: "/idempotency-key", detail: expect.stringContaining("10 characters") },
      { in: "body", pointer: "/name", detail: "is required" },
      { in: "body", pointer: "/wheels", detail: "must be a number" },
      { in: "body", pointer: "/parts/1", detail: "must be a string" },
      { in: "body", pointer: "/odd~1na~0me", detail: "is not allowed" },
    ],
  });
});

test("a value that does not match its pattern is not repeated", async () => {
  const answer = await expectProblem(makeToy({ name: "a", code: "Hunter2" }), {
    status: 422,
    code: "validation_error",
  });
  expect(answer.text).not.toContain("Hunter2");
});

test("a malformed id in the path is 422 on that part of the path", async () => {
  await expectProblem(withKey(request(app).get("/v1/toys/17")), {
    status: 422,
    code: "validation_error",
    errors: [{ in: "path", pointer: "/toy_id", detail: "must be a valid GUID" }],
  });
});

test("unknown, repeated, empty and out of range query parameters are 422", async () => {
  for (const query of ["colour=red", "limit=1&limit=2", "name=", "limit=0", "limit=1.5", "limit=abc"]) {
    const pointer = `/${query.split("=")[0]}`;
    await expectProblem(withKey(request(app).get(`${TOY}?${query}`)), {
      status: 422,
      code: "validation_error",
      errors: [{ in: "query", pointer, detail: expect.any(String) }],
    });
  }
});

test("query parameters are converted and get their defaults", async () => {
  expect((await withKey(request(app).get(`${TOY}?limit=7`))).body.wheels).toBe(7);
  expect((await withKey(request(app).get(TOY))).body.wheels).toBe(50);
});

test("percent-encoding that is not UTF-8 is 400, in the path and in the query", async () => {
  for (const path of ["/%E0%A4%A", "/v1/toys/%ff", "/docs/%E0%A4%A", `${TOY}?name=%C3`]) {
    const asked = withKey(request(app).get(path));
    await expectProblem(asked, { status: 400, code: "malformed_request", undocumented: true });
  }
});

test("a path and query without measure are 400", async () => {
  const cases = [
    { path: `/v1/toys/${"a".repeat(8_192)}`, detail: "8192 characters" },
    { path: `${TOY}?${"a=&".repeat(101)}`, detail: "100 parameters" },
  ];
  for (const { path, detail } of cases) {
    const asked = withKey(request(app).get(path));
    const answer = await expectProblem(asked, { status: 400, code: "malformed_request", undocumented: true });
    expect(answer.body.detail).toContain(detail);
  }
  const many = withKey(request(app).get(`${TOY}?${"a=&".repeat(99)}`));
  await expectProblem(many, { status: 422, code: "validation_error" });
});

test("more than 100 header fields are 400: none is left out silently", async () => {
  const fields = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`X-${at}`, "y"]));
  const asked = withKey(request(app).get(TOY)).set(fields(100));
  await expectProblem(asked, { status: 400, code: "malformed_request" });
  expect((await withKey(request(app).get(TOY)).set(fields(90))).status).toBe(200);
});

test("no answer allows another origin anything, a preflight neither", async () => {
  const preflight = request(app).options("/v1/toys").set("Access-Control-Request-Method", "POST");
  const asked = [preflight, withKey(request(app).get(TOY)), request(app).get(TOY), request(app).get("/docs")];
  for (const one of asked) {
    const { headers, status } = await one.set("Origin", "https://evil.example");
    expect(status).toBeLessThan(500);
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
    expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
  }
});

test("every answer says that it is to be taken for what it says, whatever is wrong with the request", async () => {
  for (const path of ["/%ff", "/nowhere", TOY, "/docs", "/openapi.json"]) {
    const { headers } = await request(app).get(path);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toContain("frame-ancestors");
  }
});

test("NUL characters and lone surrogates are 422 wherever they stand", async () => {
  await expectProblem(withKey(request(app).get("/v1/toys/%00")), { status: 422, code: "validation_error" });
  await expectProblem(withKey(request(app).get(`${TOY}?name=a%00`)), {
    status: 422,
    code: "validation_error",
    errors: [{ in: "query", pointer: "/name", detail: expect.stringContaining("NUL") }],
  });
  for (const [body, pointer] of [
    [String.raw`{"name":"a\u0000"}`, "/name"],
    [String.raw`{"name":"a","payload":{"deep":["\ud800"]}}`, "/payload/deep/0"],
    [String.raw`{"name":"a","payload":{"\udfff":1}}`, "/payload"],
  ]) {
    const errors = [{ in: "body", pointer, detail: expect.stringContaining("NUL") }];
    await expectProblem(makeToy(body ?? ""), { status: 422, code: "validation_error", errors });
  }
});

test("a whole surrogate pair in escapes is taken", async () => {
  const answer = await makeToy(String.raw`{"name":"\ud83d\ude00"}`);
  expect(answer.body.name).toBe("😀");
});

test("a member named __proto__ cannot smuggle fields past the schema", async () => {
  for (const body of ['{"__proto__":{"name":"a"}}', String.raw`{"name":"a","\u005f_proto__":1}`]) {
    const errors = [{ in: "body", pointer: "/__proto__", detail: expect.any(String) }];
    await expectProblem(makeToy(body), { status: 422, code: "validation_error", errors });
  }
});

test.each([
  ["unauthenticated", 401],
  ["quota_exhausted", 402],
  ["not_found", 404],
  ["delivery_in_flight", 409],
  ["delivery_finished", 409],
  ["webhook_disabled", 409],
  ["webhook_archived", 409],
  ["validation_error", 422],
  ["idempotency_conflict", 422],
  ["unavailable", 503],
])("the business's refusal %s is %i", async (code, status) => {
  const undocumented = code === "unauthenticated";
  const answer = await expectProblem(request(app).post(`/v1/failures/${code}`), { status, code, undocumented });
  if (code === "unavailable") expect(answer.headers["retry-after"]).toBe("1");
  if (code === "unauthenticated") expect(answer.headers["www-authenticate"]).toBe("Bearer");
  if (code === "validation_error") {
    expect(answer.body.errors).toEqual([{ in: "body", pointer: "/url", detail: "is not public" }]);
  }
});

test("a full batch is 503 with Retry-After", async () => {
  const asked = request(app).post("/v1/failures/batch_full");
  const answer = await expectProblem(asked, { status: 503, code: "unavailable" });
  expect(answer.headers["retry-after"]).toBe("1");
});

test("a failure of ours is 500 without its text", async () => {
  const asked = request(app).post("/v1/failures/ours");
  const answer = await expectProblem(asked, { status: 500, code: "internal_error" });
  expect(answer.text).not.toContain("hunter2");
});

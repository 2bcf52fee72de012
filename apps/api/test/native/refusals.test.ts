import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BODY_BYTES_MAX } from "../../src/read-body.js";
import type { ProblemCode } from "../../src/problem.js";
import type { Asked, Method, NativeApi, Organization } from "./native-api.js";
import { OPERATOR_KEY, routesWithoutDatabase, startNativeApi } from "./native-api.js";
import { bodyOf, fillPath, makeRows, type Rows } from "./route-requests.js";
import { snapshot } from "./snapshot.js";

const METHODS: Method[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const routes = routesWithoutDatabase();
const table = routes.map((route) => ({ name: `${route.method} ${route.path}`, route }));
const withBody = table.filter(({ route }) => route.input.body !== undefined);
const withoutBody = table.filter(({ route }) => route.input.body === undefined && route.method !== "GET");

let api: NativeApi;
let us: Organization;
let rows: Rows;

beforeAll(async () => {
  api = await startNativeApi();
  us = await api.createOrganization();
  rows = await makeRows(us);
});
afterAll(() => api.stop());

type Row = (typeof table)[number]["route"];

async function expectRefused(route: Row, asked: Asked, status: number, code: ProblemCode, query = ""): Promise<void> {
  const before = await snapshot(api.db);
  const key = route.scope === "operator" ? OPERATOR_KEY : us.key;
  const headers = { Authorization: `Bearer ${key}`, ...asked.headers };
  const answer = await api.ask(route.method, fillPath(route, rows) + query, { ...asked, headers });
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  expect(await snapshot(api.db)).toEqual(before);
}

test("both kinds of routes that change something are here", () => {
  expect(withBody.length + withoutBody.length).toBe(routes.filter(({ method }) => method !== "GET").length);
  expect(withBody.length).toBeGreaterThan(3);
});

test.each(table)("$name with a query that is not UTF-8 is 400", async ({ route }) => {
  const json = bodyOf(route);
  await expectRefused(route, json === undefined ? {} : { json }, 400, "malformed_request", "?limit=%ff");
});

test.each(table.filter(({ route }) => route.input.query !== undefined))(
  "$name with an unknown query parameter is 422",
  ({ route }) => expectRefused(route, {}, 422, "validation_error", "?colour=red"),
);

test.each(table)(
  "$name: its path by a method that it does not take is 405 with those that it does",
  async ({ route }) => {
    const taken = routes.filter(({ path }) => path === route.path).map(({ method }) => method);
    const allow = [...taken, "OPTIONS", ...(taken.includes("GET") ? ["HEAD"] : [])];
    for (const method of METHODS.filter((one) => !taken.includes(one))) {
      const { status, body, headers } = await us.ask(method, fillPath(route, rows));
      expect({ status, code: body.code }).toEqual({ status: 405, code: "method_not_allowed" });
      expect(new Set(String(headers["allow"]).split(", "))).toEqual(new Set(allow));
    }
  },
);

describe.each(withBody)("$name", ({ route }) => {
  const limit = route.bodyBytesMax ?? BODY_BYTES_MAX;
  const text = JSON.stringify(bodyOf(route));

  test("with malformed JSON is 400", async () => {
    await expectRefused(route, { text: text.slice(0, -1) }, 400, "malformed_json");
    await expectRefused(route, { text: `${text}${text}` }, 400, "malformed_json");
  });

  test("with a body that is compressed otherwise than it says is 400", () =>
    expectRefused(route, { text, headers: { "Content-Encoding": "gzip" } }, 400, "malformed_request"));

  test("with a byte more than its limit is 413", () =>
    expectRefused(route, { text: text.padEnd(limit + 1) }, 413, "payload_too_large"));

  test.each(["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"])(
    "with %s is 415",
    (type) => expectRefused(route, { text, headers: { "Content-Type": type } }, 415, "unsupported_media_type"),
  );

  test("with no object, or a member that it does not know, is 422", async () => {
    for (const json of [null, [], 1, "x", { ...bodyOf(route), colour: "red" }]) {
      await expectRefused(route, { json }, 422, "validation_error");
    }
    if (route.bodyOptional !== true) await expectRefused(route, {}, 422, "validation_error");
  });
});

describe.each(withoutBody)("$name", ({ route }) => {
  test("with more than 256 KiB that it does not want is 413", () =>
    expectRefused(route, { text: "x".repeat(BODY_BYTES_MAX + 1) }, 413, "payload_too_large"));

  test("with an unknown content encoding is 415", () =>
    expectRefused(route, { text: "x", headers: { "Content-Encoding": "zip" } }, 415, "unsupported_media_type"));
});

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import type { Asked, NativeApi, Organization } from "./native-api.js";
import { routesWithoutDatabase, startNativeApi } from "./native-api.js";
import { UNKNOWN_ID } from "./fixtures.js";
import { bodyOf, idFieldsOf, idFiltersOf, makeRows, type Rows, validRequest, variablesOf } from "./route-requests.js";
import { snapshot } from "./snapshot.js";

const UNKNOWN: Rows = {
  webhook_id: UNKNOWN_ID,
  event_id: "evt_01JBAAAA000000000000000000",
  delivery_id: UNKNOWN_ID,
};

const routes = routesWithoutDatabase();

let api: NativeApi;
let owner: Organization;
let theirs: Rows;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
  owner = await api.createOrganization();
  theirs = await makeRows(owner);
  us = await api.createOrganization();
});
afterAll(() => api.stop());

/** What an answer says, without its own id and those that were asked for. */
function said({ status, text, headers }: Response, rows: Rows): object {
  const ids = [String(headers["x-request-id"]), ...Object.values(rows)];
  return { status, text: ids.reduce((rest, id) => rest.replaceAll(id, "…"), text) };
}

/** Asks the same of their rows and of unknown ones, as ourselves: the answers differ in nothing, and nothing is written. */
async function expectSame(ask: (rows: Rows) => Promise<Response>): Promise<Response> {
  const before = await snapshot(api.db);
  const ofTheirs = await ask(theirs);
  const ofUnknown = await ask(UNKNOWN);
  expect(said(ofTheirs, theirs)).toEqual(said(ofUnknown, UNKNOWN));
  expect(await snapshot(api.db)).toEqual(before);
  return ofTheirs;
}

const named = (route: (typeof routes)[number]) => ({ name: `${route.method} ${route.path}`, route });
const withVariables = routes.filter((route) => variablesOf(route).length > 0).map(named);
const withFilters = routes.flatMap((route) =>
  idFiltersOf(route).map((filter) => ({ name: `${named(route).name}?${filter}=`, route, filter })),
);
const withFields = routes.flatMap((route) =>
  idFieldsOf(route).map((field) => ({ name: `${named(route).name} {${field.join(".")}}`, route, field })),
);
const lists = routes.filter((route) => route.method === "GET" && variablesOf(route).length === 0).map(named);

test("the matrix has the ids of every path, filter and body", () => {
  expect(withVariables.length).toBe(routes.filter(({ path }) => path.includes("{")).length);
  expect(withVariables.length).toBeGreaterThanOrEqual(14);
  expect(withFilters.map(({ name }) => name)).toEqual([
    "GET /v1/deliveries?webhook_id=",
    "GET /v1/deliveries?event_id=",
  ]);
  expect(withFields.map(({ name }) => name)).toEqual([
    "POST /v1/events {webhook_ids}",
    "POST /v1/events/batch {events.webhook_ids}",
  ]);
  expect(lists).toHaveLength(4);
});

describe("another organization's id is as good as an unknown one", () => {
  test.each(withVariables)("$name", async ({ route }) => {
    const { status, body } = await expectSame((rows) => {
      const { method, path, asked } = validRequest(route, rows);
      return us.ask(method, path, asked);
    });
    expect({ status, code: body.code }).toEqual({ status: 404, code: "not_found" });
  });

  test.each(withFilters)("$name", async ({ route, filter }) => {
    const ask = (rows: Rows) => us.ask(route.method, route.path, { query: { [filter]: rows[filter] } });
    const { body } = await expectSame(ask);
    expect(body).toEqual({ data: [], next_cursor: null });
  });

  test.each(withFields)("$name", async ({ route }) => {
    const { status } = await expectSame((rows) =>
      us.ask(route.method, route.path, { json: bodyOf(route, { webhook_ids: [rows.webhook_id] }) }),
    );
    expect(status).toBe(422);
  });
});

test.each(lists)("$name shows nothing of another organization", async ({ route }) => {
  expect((await owner.ask(route.method, route.path)).body.data).not.toEqual([]);
  expect((await us.ask(route.method, route.path)).body).toEqual({ data: [], next_cursor: null });
});

test.each(lists)("$name takes another organization's cursor for one that nobody made", async ({ route }) => {
  await makeRows(owner);
  const { body } = await owner.ask(route.method, route.path, { query: { limit: 1 } });
  const asked: Asked = { query: { cursor: body.next_cursor } };
  expect((await owner.ask(route.method, route.path, asked)).status).toBe(200);
  const refused = await us.ask(route.method, route.path, asked);
  const invented = await us.ask(route.method, route.path, { query: { cursor: "A".repeat(body.next_cursor.length) } });
  expect(refused.status).toBe(422);
  expect(said(refused, theirs)).toEqual(said(invented, theirs));
});

test("an event goes to its own organization's webhooks alone, whatever the patterns", async () => {
  const { body } = await us.ask("POST", "/v1/events", { json: { type: "invoice.paid", payload: {} } });
  expect(body.matched_webhooks).toBe(0);
});

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { type Asked, type NativeApi, type Organization, routesWithoutDatabase, startNativeApi } from "./native-api.js";
import { makeRows, type Rows } from "./route-requests.js";

// The operator's list is of all organizations, and what is for everybody belongs to nobody.
const lists = routesWithoutDatabase()
  .filter(
    ({ method, path, scope }) => method === "GET" && !path.includes("{") && scope !== "operator" && scope !== null,
  )
  .map((route) => ({ name: `${route.method} ${route.path}`, route }));

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

import { SCOPES } from "@homing/core/organizations/api-keys";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { createCallers } from "../../src/callers.js";
import { createOperatorCheck } from "../../src/operator-key.js";
import { UNKNOWN_ID } from "./fixtures.js";
import { askWithKey, type NativeApi, OPERATOR_KEY, type Organization, serve, startNativeApi } from "./native-api.js";
import { snapshot } from "./snapshot.js";

let api: NativeApi;
let operator: Pick<Organization, "ask">;

beforeAll(async () => {
  api = await startNativeApi();
  operator = { ask: askWithKey(api, OPERATOR_KEY) };
});
afterAll(() => api.stop());

test("the operator makes an organization, whose first key opens it and is shown this once", async () => {
  const { status, body } = await operator.ask("POST", "/v1/organizations", { json: { name: "Acme" } });
  expect(status).toBe(201);
  const { first_key, ...organization } = body;
  expect(first_key).toMatchObject({ name: "first key", scopes: SCOPES, expires_at: null });
  const shown = await operator.ask("GET", `/v1/organizations/${body.id}`);
  expect(shown.body).toEqual(organization);
  const holder = { ask: askWithKey(api, first_key.key) };
  expect((await holder.ask("GET", "/v1/webhooks")).body.data).toEqual([]);
  expect((await holder.ask("GET", "/v1/keys")).body.data.map(({ id }: { id: string }) => id)).toEqual([first_key.id]);
});

test("organizations are listed by pages, newest first", async () => {
  const made: string[] = [];
  for (const name of ["a", "b", "c"]) {
    made.push((await operator.ask("POST", "/v1/organizations", { json: { name } })).body.id);
  }
  const first = await operator.ask("GET", "/v1/organizations", { query: { limit: 2 } });
  const query = { limit: 1, cursor: first.body.next_cursor };
  const second = await operator.ask("GET", "/v1/organizations", { query });
  const ids = [...first.body.data, ...second.body.data].map(({ id }: { id: string }) => id);
  expect(ids).toEqual(made.toReversed());
});

test("an organization that has revoked its last key gets another from the operator", async () => {
  const { body } = await operator.ask("POST", "/v1/organizations", { json: { name: "Acme" } });
  const holder = { ask: askWithKey(api, body.first_key.key) };
  await holder.ask("POST", `/v1/keys/${body.first_key.id}/revoke`);
  const json = { name: "second", scopes: ["keys:manage"] };
  const path = `/v1/organizations/${body.id}/keys`;
  const { status, body: second } = await operator.ask("POST", path, { json });
  expect(status).toBe(201);
  const ids = (await api.ask("GET", "/v1/keys", { headers: { Authorization: `Bearer ${second.key}` } })).body.data;
  expect(ids.map(({ id }: { id: string }) => id)).toEqual([second.id, body.first_key.id]);
});

test("an organization that is not there is 404, and gets no key", async () => {
  const before = await snapshot(api.db);
  const refused: Response[] = [
    await operator.ask("GET", `/v1/organizations/${UNKNOWN_ID}`),
    await operator.ask("POST", `/v1/organizations/${UNKNOWN_ID}/keys`, {
      json: { name: "k", scopes: ["events:read"] },
    }),
  ];
  for (const { status, body } of refused)
    expect({ status, code: body.code }).toEqual({ status: 404, code: "not_found" });
  expect(await snapshot(api.db)).toEqual(before);
});

test("without an operator's credential the routes are there for nobody", async () => {
  const server = await serve(api.context, createCallers(api.context), { isOperator: createOperatorCheck(null) });
  try {
    for (const credential of [OPERATOR_KEY, "", "null", (await api.createOrganization()).key]) {
      const headers = { Authorization: `Bearer ${credential}` };
      expect((await server.ask("GET", "/v1/organizations", { headers })).status).toBe(401);
    }
  } finally {
    await server.close();
  }
});

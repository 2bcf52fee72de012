import { Validator } from "@seriousme/openapi-schema-validator";
import { SCOPES } from "@homing/core/organizations/api-keys";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { snapshot } from "../native/snapshot.js";
import { createTheirstackSurface } from "../../src/contracts/theirstack/surface.js";
import { createOpenApi } from "../../src/openapi.js";
import type { Route } from "../../src/route.js";
import { contextWithoutDatabase } from "../native/native-api.js";
import type { ContractOrganization } from "./contract-api.js";
import {
  expectError,
  makeWebhook,
  publishTo,
  startTheirstack,
  type Theirstack,
  UNKNOWN_NUMBER,
  waitForStatus,
} from "./theirstack-fixtures.js";

interface Rows {
  webhook_id: number;
  event_id: number;
}

const UNKNOWN: Rows = { webhook_id: UNKNOWN_NUMBER, event_id: UNKNOWN_NUMBER };

const surface = createTheirstackSurface(contextWithoutDatabase());
const table = surface.routes.map((route) => ({ name: `${route.method} ${route.path}`, route }));
const naming = table.filter(({ route }) => namesRows(route));
const lists = table.filter(({ route }) => route.method === "GET" && !route.path.includes("{"));

let all: Theirstack;
let owner: ContractOrganization;
let us: ContractOrganization;
let theirs: Rows;

beforeAll(async () => {
  all = await startTheirstack();
  owner = await all.api.createOrganization();
  us = await all.api.createOrganization();
  const webhook = await makeWebhook(owner, { url: all.receiver.url });
  const number = await publishTo(owner, webhook, { type: "their_type" });
  await waitForStatus(owner, webhook, number, "SUCCESS");
  theirs = { webhook_id: webhook.id, event_id: number };
});
afterAll(() => all.stop());

function namesRows({ path, input }: Route): boolean {
  const members = [input.query, input.body].flatMap((schema) => Object.keys(Object(schema?.describe().keys)));
  return path.includes("{") || members.some((member) => /_ids?$/.test(member) && member !== "search_id");
}

/** A request that the route takes, naming these rows wherever it can. */
function ask(
  by: Pick<ContractOrganization, "ask">,
  { method, path, operationId }: Route,
  rows: Rows,
): Promise<Response> {
  const filled = path.replace("{webhook_id}", String(rows.webhook_id));
  switch (operationId) {
    case "theirstackRetryEvents":
      return by.ask(method, filled, { json: { webhook_event_ids: [rows.event_id] } });
    case "theirstackCreateWebhook":
      return by.ask(method, filled, { json: { url: "https://a.example/", search_id: 1 } });
    case "theirstackUpdateWebhook":
      return by.ask(method, filled, { json: { description: "x" } });
    case "theirstackSetWebhookStatus":
      return by.ask(method, filled, { json: { is_active: false } });
    case "theirstackTestWebhook":
      return by.ask(method, filled, { json: { webhook_id: rows.webhook_id } });
    case "theirstackCountEventsByDay":
      return by.ask(method, filled, { query: { webhook_id: rows.webhook_id } });
    default:
      return by.ask(method, filled);
  }
}

/** What an answer says, without its own id and those that were asked for. */
function said({ status, body }: Response, rows: Rows): object {
  const text = JSON.stringify({ ...body, request_id: null });
  return { status, text: Object.values(rows).reduce((rest, id) => rest.replaceAll(String(id), "…"), text) };
}

test("the routes make a valid OpenAPI document, each operation under a name of its own", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(createOpenApi([surface])));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(new Set(surface.routes.map(({ operationId }) => operationId)).size).toBe(surface.routes.length);
  expect(surface.routes).toHaveLength(12);
});

test("every route that names rows is in the matrix", () => {
  expect(naming.map(({ name }) => name).toSorted()).toEqual([
    "GET /v0/webhooks/events/count",
    "GET /v0/webhooks/{webhook_id}",
    "GET /v0/webhooks/{webhook_id}/events",
    "GET /v0/webhooks/{webhook_id}/events/count",
    "PATCH /v0/webhooks/{webhook_id}",
    "PATCH /v0/webhooks/{webhook_id}/archive",
    "PATCH /v0/webhooks/{webhook_id}/status",
    "POST /v0/webhooks/events/retry",
    "POST /v0/webhooks/test",
  ]);
});

test.each(naming)("$name: another organization's id is as good as an unknown one", async ({ route }) => {
  const before = await snapshot(all.api.db);
  const ofTheirs = await ask(us, route, theirs);
  const ofUnknown = await ask(us, route, UNKNOWN);
  expectError(ofTheirs, 400, "E-003");
  expect(said(ofTheirs, theirs)).toEqual(said(ofUnknown, UNKNOWN));
  expect(await snapshot(all.api.db)).toEqual(before);
});

test.each(lists)("$name shows nothing of another organization", async ({ route }) => {
  const ours = await us.ask(route.method, route.path);
  const ofTheirs = await owner.ask(route.method, route.path);
  expect(ofTheirs.body).not.toEqual(ours.body);
  expect(JSON.stringify(ours.body)).not.toContain("their_type");
});

describe.each(table)("$name", ({ route }) => {
  test("asks for a bearer: 401", async () => {
    const answer = await ask(all.api, route, theirs);
    expectError(answer, 401, "E-002");
    expect(answer.headers["www-authenticate"]).toBe("Bearer");
  });

  test("asks for its own scope: 400 E-001 without it", async () => {
    const scopes = SCOPES.filter((scope) => scope !== route.scope);
    expect(scopes).toHaveLength(SCOPES.length - 1);
    expectError(await ask(await all.api.createKey(owner, { scopes }), route, theirs), 400, "E-001");
  });

  test("refuses a method that it does not take with 405 and those that it does", async () => {
    const filled = route.path.replace("{webhook_id}", String(theirs.webhook_id));
    const taken = surface.routes.filter(({ path }) => path === route.path).map(({ method }) => method);
    const allow = [...taken, "OPTIONS", ...(taken.includes("GET") ? ["HEAD"] : [])].toSorted().join(", ");
    const answer = await owner.ask("PUT", filled);
    expectError(answer, 405, "E-010");
    expect(answer.headers["allow"]).toBe(allow);
  });
});

test("the integer that names a request leads to the id in its header", async () => {
  const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const { headers, body } = await owner.ask("GET", `/v0/webhooks/${UNKNOWN_NUMBER}`);
  let rest: number = body.request_id;
  let spelt = "";
  for (let index = 0; index < 12; index++) {
    spelt = `${digits[rest % 32]}${spelt}`;
    rest = Math.floor(rest / 32);
  }
  expect(String(headers["x-request-id"]).startsWith(`req_${spelt}`)).toBe(true);
});

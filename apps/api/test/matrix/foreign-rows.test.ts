import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import type { Surface } from "../../src/surface.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "../contracts/contract-api.js";
import { snapshot } from "../native/snapshot.js";
import { matrixCells } from "./cells.js";
import { expectSpelt, FORBIDDEN, NOT_FOUND } from "./refusals.js";
import { type MatrixRequest, namingRequestsOf, requestOf } from "./requests.js";
import { makeMatrixRows, type MatrixRows, UNKNOWN, withoutNames } from "./rows.js";

const PORTAL_SCOPES = ["events:read", "webhooks:read", "webhooks:write", "deliveries:read", "deliveries:retry"];

const cells = matrixCells().filter(({ route }) => route.scope !== "operator");
const naming = cells.filter(({ surface, route }) => namingRequestsOf(surface, route, UNKNOWN).length > 0);
const lists = cells.filter(({ route }) => route.method === "GET" && !route.path.includes("{"));
const open = new Set(PORTAL_SCOPES);
const held = cells.filter(({ route }) => route.isHeldToWebhook === true && open.has(String(route.scope)));
const notHeld = cells.filter(({ route }) => route.isHeldToWebhook !== true && open.has(String(route.scope)));

let api: ContractApi;
let owner: ContractOrganization;
let theirs: MatrixRows;
let us: ContractOrganization;
/** Another webhook's rows, of the owner. */
let others: MatrixRows;
/** Holds a token of the owner's, bound to the webhook of `theirs`. */
let tenant: Pick<ContractOrganization, "ask">;

beforeAll(async () => {
  api = await startContractApi();
  api.worker.pause();
  owner = await api.createOrganization();
  theirs = await makeMatrixRows(api, owner);
  others = await makeMatrixRows(api, owner);
  us = await api.createOrganization();
  tenant = await makeTenant(theirs.webhook_id);
});
afterAll(() => api.stop());

async function makeTenant(webhook_id: string): Promise<Pick<ContractOrganization, "ask">> {
  const { status, body } = await owner.ask("POST", "/v1/portal_tokens", {
    json: { webhook_id, scopes: PORTAL_SCOPES },
  });
  expect(status).toBe(201);
  const headers = { Authorization: `Bearer ${body.token}` };
  return { ask: (method, path, asked = {}) => api.ask(method, path, { ...asked, headers }) };
}

function ask(by: Pick<ContractOrganization, "ask">, { method, path, asked }: MatrixRequest): Promise<Response> {
  return by.ask(method, path, asked);
}

/** All that an answer says, but for what tells one request and one row from the next. */
function said({ status, text, headers }: Response, rows: MatrixRows): object {
  const { date: _now, "x-request-id": _id, "content-length": _length, ...rest } = headers;
  return { status, text: withoutNames(text, rows), headers: rest };
}

/** Asks for foreign rows and for rows that there are not: the answers differ in nothing, and nothing is written. */
async function expectAsUnknown(
  by: Pick<ContractOrganization, "ask">,
  foreign: MatrixRows,
  { surface, route }: (typeof cells)[number],
): Promise<void> {
  const before = await snapshot(api.db);
  const unknown = namingRequestsOf(surface, route, UNKNOWN);
  for (const [index, request] of namingRequestsOf(surface, route, foreign).entries()) {
    const ofForeign = await ask(by, request);
    const ofUnknown = await ask(by, unknown[index] ?? request);
    const { by: named } = request;
    expect({ named, ...said(ofForeign, foreign) }).toEqual({ named, ...said(ofUnknown, UNKNOWN) });
    if (ofForeign.status !== 200 && ofForeign.status !== 422) expectSpelt(ofForeign, NOT_FOUND[surface.name], named);
    else expectEmpty(ofForeign, foreign);
  }
  expect(await snapshot(api.db)).toEqual(before);
}

/** A list of nothing, or a refusal of what was named. */
function expectEmpty({ status, text }: Response, foreign: MatrixRows): void {
  if (status === 200) for (const id of Object.values(foreign)) expect(text).not.toMatch(new RegExp(`"${id}"`));
}

test("the matrix has every route that names rows, of every surface", () => {
  const withVariables = cells.filter(({ route }) => route.path.includes("{"));
  for (const cell of withVariables) expect(naming).toContain(cell);
  expect(
    naming
      .map(({ name }) => name)
      .filter((name) => !name.includes("{"))
      .toSorted(),
  ).toEqual([
    "GET /v0/webhooks/events/count",
    "GET /v1/deliveries",
    "GET /v1/execution-webhooks/deliveries",
    "GET /v1/webhook_deliveries",
    "POST /v0/webhooks/events/retry",
    "POST /v0/webhooks/test",
    "POST /v1/events",
    "POST /v1/events/batch",
    "POST /v1/portal_tokens",
  ]);
});

describe("another organization's rows are as good as none", () => {
  test.each(naming)("$name", async (cell) => {
    await expectAsUnknown(us, theirs, cell);
  });

  test.each(lists)("$name shows nothing of them", async ({ surface, route }) => {
    const ours = await ask(us, requestOf(surface, route, UNKNOWN));
    const words = [theirs.webhook_id, theirs.event_id, theirs.eventUuid, theirs.delivery_id, theirs.key_id];
    for (const word of [...words, "invoice.paid"]) expect(ours.text).not.toContain(word);
  });
});

describe("for a token that is bound to another webhook", () => {
  test.each(held.filter((cell) => naming.includes(cell)))("$name finds no rows", async (cell) => {
    await expectAsUnknown(tenant, others, cell);
  });

  test.each(held.filter((cell) => lists.includes(cell)))("$name lists those of its own", async ({ surface, route }) => {
    const { body } = await ask(tenant, requestOf(surface, route, UNKNOWN));
    const own = route.path === "/v1/webhooks" ? theirs.webhook_id : theirs.delivery_id;
    expect(body.data.map(({ id }: { id: string }) => id)).toEqual([own]);
    expect(body.next_cursor).toBeNull();
  });

  test.each(notHeld)("$name is closed, whoever's rows it names", async ({ surface, route }) => {
    const before = await snapshot(api.db);
    for (const rows of [theirs, others, UNKNOWN]) {
      expectSpelt(await ask(tenant, requestOf(surface, route, rows)), FORBIDDEN[surface.name], "bound");
    }
    expect(await snapshot(api.db)).toEqual(before);
  });

  test("an event that both webhooks got shows neither the other's delivery nor how many got it", async () => {
    const json = { type: "invoice.paid", payload: {} };
    const published = await owner.ask("POST", "/v1/events", { json });
    expect(published.body.matched_webhooks).toBe(2);
    const path = `/v1/events/${published.body.id}`;
    expect((await tenant.ask("GET", path)).body.matched_webhooks).toBe(1);
    const { body } = await tenant.ask("GET", `${path}/deliveries`);
    expect(body.data.map(({ webhook_id }: { webhook_id: string }) => webhook_id)).toEqual([theirs.webhook_id]);
  });

  // Last, for it archives what the others read.
  test.each(held)("$name takes its own", async ({ surface, route }) => {
    const own = await makeMatrixRows(api, owner);
    const { status } = await ask(await makeTenant(own.webhook_id), requestOf(surface, route, own));
    expect(Object.keys(route.answers)).toContain(String(status));
  });
});

test("what a bound token opens is a closed list", () => {
  const names = (of: { route: { operationId: string }; surface: Surface }[]) =>
    of.map(({ route }) => route.operationId);
  expect(names(held).toSorted()).toEqual([
    "archiveWebhook",
    "cancelDelivery",
    "disableWebhook",
    "enableWebhook",
    "getDelivery",
    "getEvent",
    "getWebhook",
    "listAttempts",
    "listDeliveries",
    "listEventDeliveries",
    "listWebhooks",
    "retryDelivery",
    "rotateSecret",
    "testWebhook",
    "updateWebhook",
  ]);
});

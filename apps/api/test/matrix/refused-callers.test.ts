import { type Scope, SCOPES } from "@homing/core/organizations/api-keys";
import { sealPortalToken } from "@homing/core/organizations/portal-token";
import { createApiKey, hashApiKey } from "@homing/signature/api-key";
import { createSealer } from "@homing/signature/sealing";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import type { Route } from "../../src/route.js";
import type { Surface } from "../../src/surface.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "../contracts/contract-api.js";
import { OPERATOR_KEY } from "../native/native-api.js";
import { snapshot } from "../native/snapshot.js";
import { matrixCells } from "./cells.js";
import { expectSpelt, FORBIDDEN, NOT_FOUND, UNAUTHENTICATED } from "./refusals.js";
import { requestOf } from "./requests.js";
import { makeMatrixRows, type MatrixRows, withoutNames } from "./rows.js";

const HOUR_MS = 60 * 60 * 1000;

const cells = matrixCells();

let api: ContractApi;
let us: ContractOrganization;
let rows: MatrixRows;
/** Credentials that open nothing, by what is wrong with them. */
let useless: Record<string, string>;

beforeAll(async () => {
  api = await startContractApi();
  // Nothing is sent, so that nothing is written but by requests.
  api.worker.pause();
  us = await api.createOrganization();
  rows = await makeMatrixRows(api, us);
  useless = await makeUseless();
});
afterAll(() => api.stop());

async function idOf(key: string): Promise<string> {
  return (await api.db.apiKey.findUniqueOrThrow({ where: { keyHash: hashApiKey(key) } })).id;
}

async function makeKey(more: { scopes?: readonly Scope[]; revokedAt?: Date; expiresAt?: Date } = {}): Promise<string> {
  const { scopes = SCOPES, ...times } = more;
  const { key } = await api.createKey(us, { scopes });
  await api.db.apiKey.update({ where: { keyHash: hashApiKey(key) }, data: times });
  return key;
}

/** A token of a key with all that a token can have. */
function tokenOf(apiKeyId: string, more: { scopes?: string[]; webhookId?: string; endsInMs?: number } = {}): string {
  const { scopes = [...SCOPES], webhookId = null, endsInMs = HOUR_MS } = more;
  const grant = { apiKeyId, webhookId, scopes, expiresAtMs: Date.now() + endsInMs };
  return sealPortalToken(api.context.sealer, grant);
}

async function makeUseless(): Promise<Record<string, string>> {
  const revoked = await makeKey({ revokedAt: new Date() });
  const expired = await makeKey({ expiresAt: new Date(Date.now() - 1_000) });
  const ours = await idOf(us.key);
  const elsewhere = createSealer([{ id: "test", key: Buffer.alloc(32, 7) }]);
  const grant = { apiKeyId: ours, webhookId: null, scopes: [...SCOPES], expiresAtMs: Date.now() + HOUR_MS };
  const token = tokenOf(ours);
  return {
    "an unknown key": createApiKey(),
    "a malformed key": us.key.slice(0, -1),
    "a key in another case": us.key.toUpperCase(),
    "a hash in place of its key": hashApiKey(us.key),
    "a revoked key": revoked,
    "an expired key": expired,
    "a token of a revoked key": tokenOf(await idOf(revoked)),
    "a token of an expired key": tokenOf(await idOf(expired)),
    "a token that has expired": tokenOf(ours, { endsInMs: -1 }),
    "a token sealed with another key": sealPortalToken(elsewhere, grant),
    "a token that was changed": `${token.slice(0, -2)}${token.endsWith("A") ? "B" : "A"}${token.slice(-1)}`,
    "something else that was sealed": `homp_${api.context.sealer.seal(JSON.stringify(["x"]), "webhooks.headers")}`,
    "a token that is none": "homp_",
  };
}

/** Asks as the holder of a credential. */
async function ask(surface: Surface, route: Route, headers: Record<string, string>) {
  const { method, path, asked } = requestOf(surface, route, rows);
  return api.ask(method, path, { ...asked, headers });
}

function expectLetIn({ name }: Surface, { status, body }: Response): void {
  expect({ status, body }).not.toEqual(UNAUTHENTICATED[name]);
  expect({ status, body }).not.toEqual(FORBIDDEN[name]);
  expect({ status, body }).not.toEqual(NOT_FOUND[name]);
  expect(status).toBeLessThan(500);
}

const bearer = (credential: string) => ({ Authorization: `Bearer ${credential}` });

test("the matrix has every route of every surface", () => {
  const all = api.surfaces.flatMap(({ routes }) => routes);
  expect(all.filter(({ scope }) => scope === null).map(({ operationId }) => operationId)).toEqual(["getJwks"]);
  const served = all.filter(({ scope }) => scope !== null).map(({ operationId }) => operationId);
  expect(cells.map(({ route }) => route.operationId).toSorted()).toEqual(served.toSorted());
  expect(cells.length).toBeGreaterThanOrEqual(57);
});

describe.each(cells)("$name", ({ surface, route }) => {
  const opens = route.scope === "operator" ? "a key of all scopes" : "the operator's credential";

  test(`tells ${opens} and useless ones alike that it knows nobody, and nothing is written`, async () => {
    const before = await snapshot(api.db);
    const other = route.scope === "operator" ? us.key : OPERATOR_KEY;
    const said = new Set<string>();
    const asking = Object.entries({ ...useless, [opens]: other }).map(async ([who, credential]) => {
      const answer = await ask(surface, route, bearer(credential));
      expectSpelt(answer, UNAUTHENTICATED[surface.name], who);
      expect(answer.headers["www-authenticate"]).toBe("Bearer");
      said.add(withoutNames(answer.text, rows));
    });
    await Promise.all(asking);
    expect([...said]).toHaveLength(1);
    for (const headers of [{}, { Authorization: `Basic ${us.key}` }, { Authorization: "Bearer" }]) {
      expectSpelt(await ask(surface, route, headers), UNAUTHENTICATED[surface.name], JSON.stringify(headers));
    }
    expect(await snapshot(api.db)).toEqual(before);
  });
});

const tenantCells = cells.filter(({ route }) => route.scope !== "operator");

describe.each(tenantCells)("$name", ({ surface, route }) => {
  test("asks for its own scope, whatever others a key or a token has, and nothing is written", async () => {
    const others = SCOPES.filter((scope) => scope !== route.scope);
    expect(others).toHaveLength(SCOPES.length - 1);
    const poor = {
      "a key of every other scope": await makeKey({ scopes: others }),
      "a key of no scope": await makeKey({ scopes: [] }),
      "a token of every other scope": tokenOf(await idOf(us.key), { scopes: others }),
      "a token that says more than its key": tokenOf(await idOf(await makeKey({ scopes: others }))),
      "a token of every other scope, bound to the webhook": tokenOf(await idOf(us.key), {
        scopes: others,
        webhookId: rows.webhook_id,
      }),
    };
    const before = await snapshot(api.db);
    const asking = Object.entries(poor).map(async ([who, credential]) => {
      expectSpelt(await ask(surface, route, bearer(credential)), FORBIDDEN[surface.name], who);
    });
    await Promise.all(asking);
    expect(await snapshot(api.db)).toEqual(before);
  });

  test("takes a key of its scope alone that expires in an hour", async () => {
    const scopes = SCOPES.filter((scope) => scope === route.scope);
    const key = await makeKey({ scopes, expiresAt: new Date(Date.now() + HOUR_MS) });
    const { method, path, asked } = requestOf(surface, route, await makeMatrixRows(api, us));
    // A key grants no scope that it lacks.
    const json = route.operationId === "createKey" ? { ...asked, json: { name: "k", scopes } } : asked;
    const answer = await api.ask(method, path, { ...json, headers: bearer(key) });
    if (route.operationId === "createPortalToken") expectSpelt(answer, FORBIDDEN["native"], "keys:manage alone");
    // What the business says to it is another matter, as b3os does to a retry of what is due.
    else expectLetIn(surface, answer);
  });
});

describe.each(cells.filter(({ route }) => route.scope === "operator"))("$name", ({ surface, route }) => {
  test("takes the operator's credential", async () => {
    const answer = await ask(surface, route, bearer(OPERATOR_KEY));
    expect(Object.keys(route.answers)).toContain(String(answer.status));
  });
});

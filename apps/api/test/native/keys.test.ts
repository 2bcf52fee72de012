import { createDatabase, type Database } from "@homing/db/client";
import { createKeyUse } from "@homing/core/organizations/key-use";
import { type Scope, SCOPES } from "@homing/core/organizations/api-keys";
import { waitFor } from "@homing/local/wait-for";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { createCallers } from "../../src/callers.js";
import {
  askWithKey,
  type NativeApi,
  type NativeServer,
  type Organization,
  serve,
  startNativeApi,
} from "./native-api.js";
import { snapshot } from "./snapshot.js";
import { UNKNOWN_ID } from "./fixtures.js";

const HOUR_MS = 60 * 60 * 1000;

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
beforeEach(async () => {
  us = await api.createOrganization();
});
afterAll(() => api.stop());

interface NewKey {
  id: string;
  key: string;
}

async function makeKey(scopes: readonly Scope[], more: object = {}): Promise<NewKey> {
  const { status, body } = await us.ask("POST", "/v1/keys", { json: { name: "k", scopes, ...more } });
  expect(status).toBe(201);
  return body;
}

const revoke = (by: Pick<Organization, "ask">, id: string) => by.ask("POST", `/v1/keys/${id}/revoke`);
const codeOf = ({ status, body }: Response) => ({ status, code: body.code });

describe("a new key", () => {
  test("is shown once, by its prefix ever after, and opens what it may", async () => {
    const expires_at = new Date(Date.now() + HOUR_MS).toISOString();
    const created = await us.ask("POST", "/v1/keys", { json: { name: "é 🔑", scopes: ["events:read"], expires_at } });
    const { key, ...shown } = created.body;
    expect(key).toMatch(/^hom_[A-Za-z0-9_-]{43}$/);
    expect(shown).toEqual({
      id: expect.any(String),
      name: "é 🔑",
      prefix: key.slice(0, 12),
      scopes: ["events:read"],
      created_at: expect.any(String),
      expires_at,
      last_used_at: null,
      revoked_at: null,
    });
    expect((await us.ask("GET", `/v1/keys/${shown.id}`)).body).toEqual(shown);
    const list = await us.ask("GET", "/v1/keys");
    expect(list.body.data[0]).toEqual(shown);
    expect(list.text).not.toContain(key.slice(12));
    const holder = { ask: askWithKey(api, key) };
    expect((await holder.ask("GET", "/v1/events")).status).toBe(200);
    expect((await holder.ask("GET", "/v1/webhooks")).status).toBe(403);
    expect(JSON.stringify(await api.db.apiKey.findMany())).not.toContain(key.slice(12));
  });

  test("has no scope that the key which asks for it lacks: 403, and nothing is made", async () => {
    const manager = { ask: askWithKey(api, (await makeKey(["keys:manage", "events:read"])).key) };
    const before = await snapshot(api.db);
    for (const scope of SCOPES) {
      const { status } = await manager.ask("POST", "/v1/keys", { json: { name: "k", scopes: [scope] } });
      expect({ scope, status }).toEqual({
        scope,
        status: scope === "keys:manage" || scope === "events:read" ? 201 : 403,
      });
    }
    const both = await manager.ask("POST", "/v1/keys", {
      json: { name: "k", scopes: ["events:read", "events:write"] },
    });
    expect(codeOf(both)).toEqual({ status: 403, code: "forbidden" });
    expect(both.body.detail).toContain("events:write");
    expect((await us.ask("GET", "/v1/keys")).body.data).toHaveLength(4);
    expect((await snapshot(api.db))["organizations"]).toEqual(before["organizations"]);
  });

  test.each([
    ["an end that has passed", { expires_at: "2020-01-01T00:00:00Z" }, "/expires_at"],
    ["an unknown scope", { scopes: ["everything"] }, "/scopes/0"],
    ["a scope twice", { scopes: ["events:read", "events:read"] }, "/scopes/1"],
    ["no scope", { scopes: [] }, "/scopes"],
    ["an empty name", { name: "" }, "/name"],
    ["too long a name", { name: "n".repeat(101) }, "/name"],
    ["a NUL in its name", { name: "a\0" }, "/name"],
  ])("with %s is 422, and nothing is made", async (_, more, pointer) => {
    const before = await snapshot(api.db);
    const json = { name: "k", scopes: ["events:read"], ...more };
    const answer = await us.ask("POST", "/v1/keys", { json });
    expect(codeOf(answer)).toEqual({ status: 422, code: "validation_error" });
    expect(answer.body.errors[0].pointer).toBe(pointer);
    expect(await snapshot(api.db)).toEqual(before);
  });
});

test("keys are listed by pages, newest first, revoked ones too", async () => {
  const made = [await makeKey(["events:read"]), await makeKey(["events:read"]), await makeKey(["events:read"])];
  await revoke(us, made[1]?.id ?? "");
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const query: Record<string, string | number> = cursor === null ? { limit: 2 } : { limit: 2, cursor };
    const { body }: Response = await us.ask("GET", "/v1/keys", { query });
    ids.push(...body.data.map(({ id }: { id: string }) => id));
    cursor = body.next_cursor;
  } while (cursor !== null);
  expect(ids.slice(0, 3)).toEqual(made.map(({ id }) => id).toReversed());
  expect(ids).toHaveLength(4);
});

describe("a revocation", () => {
  let other: NativeServer;
  let otherDb: Database;

  beforeAll(async () => {
    // A second API process, as it were: pools, batches and encryption keys of its own on the same database.
    otherDb = createDatabase({ url: api.databaseUrl, connectionsMax: 2, applicationName: "api-test-2" });
    other = await serve(api.context, createCallers({ ...api.context, db: otherDb }));
  });
  afterAll(async () => {
    await other.close();
    await otherDb.$disconnect();
  });

  test("counts from the next request on, in every process", async () => {
    const { id, key } = await makeKey(["webhooks:read", "keys:manage"]);
    const here = { ask: askWithKey(api, key) };
    const there = { ask: askWithKey(other, key) };
    for (const process of [here, there]) expect((await process.ask("GET", "/v1/webhooks")).status).toBe(200);
    const revoked = await revoke(us, id);
    expect(revoked.body).toMatchObject({ id, revoked_at: expect.any(String) });
    for (const process of [there, here]) {
      expect(codeOf(await process.ask("GET", "/v1/webhooks"))).toEqual({ status: 401, code: "unauthenticated" });
    }
  });

  test("keeps its first time when it is repeated", async () => {
    const { id } = await makeKey(["events:read"]);
    const { body } = await revoke(us, id);
    const before = await snapshot(api.db);
    expect((await revoke(us, id)).body).toEqual(body);
    expect(await snapshot(api.db)).toEqual(before);
  });

  test("may be of the key that asks for it, the last one, too", async () => {
    const [{ id } = { id: "" }] = (await us.ask("GET", "/v1/keys")).body.data;
    expect((await revoke(us, id)).status).toBe(200);
    expect((await us.ask("GET", "/v1/keys")).status).toBe(401);
  });

  test("of a key that is not there is 404", async () => {
    expect(codeOf(await revoke(us, UNKNOWN_ID))).toEqual({ status: 404, code: "not_found" });
  });

  test("that comes between a request and its grant leaves nothing granted", async () => {
    const { id, key } = await makeKey(["events:read", "keys:manage"]);
    const { granting } = await api.db.$transaction(
      async (transaction) => {
        await transaction.apiKey.update({ where: { id }, data: { revokedAt: new Date() } });
        const json = { name: "k", scopes: ["events:read"] };
        // It is let in, for the revocation is not committed, and waits for the key's row.
        const asked = askWithKey(api, key)("POST", "/v1/keys", { json });
        await waitFor(async () => (await waitingForLocks()) > 0, { what: "the grant to wait" });
        return { granting: asked };
      },
      { timeout: 30_000 },
    );
    expect(codeOf(await granting)).toEqual({ status: 401, code: "unauthenticated" });
    expect((await us.ask("GET", "/v1/keys")).body.data).toHaveLength(2);
  });
});

async function waitingForLocks(): Promise<number> {
  const waiting = await api.db.$queryRaw<object[]>`
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return waiting.length;
}

test("the last use is written apart from the requests, once for however many", async () => {
  const keyUse = createKeyUse(api.context);
  const server = await serve(api.context, createCallers({ ...api.context, keyUse }));
  try {
    const { id, key } = await makeKey(["webhooks:read"]);
    const unused = await makeKey(["webhooks:read"]);
    const ask = askWithKey(server, key);
    const before = await snapshot(api.db);
    await Promise.all([ask("GET", "/v1/webhooks"), ask("GET", "/v1/webhooks"), ask("GET", "/v1/events")]);
    expect(await snapshot(api.db)).toEqual(before);
    await Promise.all([keyUse.write(), keyUse.write()]);
    const { last_used_at } = (await us.ask("GET", `/v1/keys/${id}`)).body;
    expect(Math.abs(Date.now() - Date.parse(last_used_at))).toBeLessThan(60_000);
    expect((await us.ask("GET", `/v1/keys/${unused.id}`)).body.last_used_at).toBeNull();
    const written = await snapshot(api.db);
    await keyUse.write();
    expect(await snapshot(api.db)).toEqual(written);
  } finally {
    await server.close();
  }
});

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { UNKNOWN_ID } from "../native/fixtures.js";
import { snapshot } from "../native/snapshot.js";
import { createReceivers, deliveredEvent } from "./baanx-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";
import { surfaceWithoutDatabase } from "./baanx-without-database.js";

const receivers = createReceivers();
const { routes } = surfaceWithoutDatabase();

let api: ContractApi;
let us: ContractOrganization;
let theirs: Record<string, string>;

beforeAll(async () => {
  api = await startContractApi();
  const { eventId, webhookId } = await deliveredEvent(api, await api.createOrganization(), await receivers.start());
  theirs = { eventId, id: webhookId, webhookId };
  us = await api.createOrganization();
});
afterAll(async () => {
  await api.stop();
  await receivers.closeAll();
});

const named = routes.map((route) => ({ name: `${route.method} ${route.path}`, route }));

describe.each(named.filter(({ route }) => route.path.includes("{")))("$name", ({ route }) => {
  test("answers of another organization's ids as of unknown ones, and writes nothing", async () => {
    const before = await snapshot(api.db);
    const [ofTheirs, ofUnknown] = await Promise.all(
      [theirs, {}].map((ids: Record<string, string>) =>
        us.ask(
          route.method,
          route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? UNKNOWN_ID),
        ),
      ),
    );
    expect(ofTheirs?.status).toBe(404);
    expect([ofTheirs?.status, ofTheirs?.body]).toEqual([ofUnknown?.status, ofUnknown?.body]);
    expect(await snapshot(api.db)).toEqual(before);
  });
});

test("a list holds nothing of another organization's", async () => {
  const lists = routes.filter(({ method, path }) => method === "GET" && !path.includes("{"));
  expect(lists.map(({ path }) => path)).toEqual(["/v1/webhooks/events"]);
  for (const { path } of lists) expect((await us.ask("GET", path)).body).toEqual({ total: 0, events: [] });
});

test("every route asks for a key and for its scope", async () => {
  for (const { method, path } of routes) {
    const filled = path.replaceAll(/\{\w+\}/g, UNKNOWN_ID);
    expect((await api.ask(method, filled)).status).toBe(401);
    const writer = await api.createKey(us, { scopes: ["events:write"] });
    expect((await writer.ask(method, filled)).status).toBe(403);
  }
});

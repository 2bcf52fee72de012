import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import type { Route } from "../../src/route.js";
import { createB3osSurface } from "../../src/contracts/b3os/surface.js";
import { snapshot } from "../native/snapshot.js";
import { createSituations, DELIVERIES, UNKNOWN_ID } from "./b3os-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

interface Ids {
  endpoint: string;
  delivery: string;
}

const UNKNOWN: Ids = { endpoint: UNKNOWN_ID, delivery: UNKNOWN_ID };

let api: ContractApi;
let receiver: TestReceiver;
let owner: ContractOrganization;
let theirs: Ids;
let us: ContractOrganization;
let routes: readonly Route[];

beforeAll(async () => {
  api = await startContractApi();
  receiver = await startReceiver();
  owner = await api.createOrganization();
  const { endpoint, deliveryId } = await createSituations(owner, receiver).failed();
  theirs = { endpoint: endpoint.id, delivery: deliveryId };
  us = await api.createOrganization();
  ({ routes } = createB3osSurface(api.context));
});
afterAll(async () => {
  await receiver.close();
  await api.stop();
});

const fill = (path: string, ids: Ids) =>
  path.replace("{id}", path.startsWith(DELIVERIES) ? ids.delivery : ids.endpoint);

/** What an answer says, without its own id and those that were asked for. */
function said({ status, text, headers }: Response, ids: Ids): object {
  const names = [String(headers["x-request-id"]), ids.endpoint, ids.delivery];
  return { status, text: names.reduce((rest, name) => rest.replaceAll(name, "…"), text) };
}

describe("another organization's id is as good as an unknown one", () => {
  test("for every route that takes an id, and nothing is written", async () => {
    const withId = routes.filter(({ path }) => path.includes("{"));
    expect(withId).toHaveLength(7);
    const before = await snapshot(api.db);
    for (const { method, path } of withId) {
      const ofTheirs = await us.ask(method, fill(path, theirs));
      const ofUnknown = await us.ask(method, fill(path, UNKNOWN));
      expect({ path, ...said(ofTheirs, theirs) }).toEqual({ path, ...said(ofUnknown, UNKNOWN) });
      expect({ path, status: ofTheirs.status }).toEqual({ path, status: 404 });
    }
    expect(await snapshot(api.db)).toEqual(before);
  });

  test("for the filter of the deliveries", async () => {
    const ask = (ids: Ids) => us.ask("GET", DELIVERIES, { query: { endpointId: ids.endpoint } });
    expect(said(await ask(theirs), theirs)).toEqual(said(await ask(UNKNOWN), UNKNOWN));
    const { body } = await owner.ask("GET", DELIVERIES, { query: { endpointId: theirs.endpoint } });
    expect(body.data.items).toHaveLength(1);
  });
});

test("no list shows anything of another organization", async () => {
  const lists = routes.filter(({ method, path }) => method === "GET" && !path.includes("{"));
  expect(lists).toHaveLength(2);
  for (const { path } of lists) {
    expect((await owner.ask("GET", path)).body.data.items).toHaveLength(1);
    expect((await us.ask("GET", path)).body.data).toEqual({ items: [], limit: 20, offset: 0, hasMore: false });
  }
});

test("the owner's own ids are found by every route that takes one", async () => {
  for (const { method, path } of routes.filter(({ path: template }) => template.includes("{"))) {
    const { status } = await owner.ask(method, fill(path, theirs));
    expect({ path, isFound: status !== 404 }).toEqual({ path, isFound: true });
  }
});

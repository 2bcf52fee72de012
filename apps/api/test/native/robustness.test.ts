import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { arbitraryRequests } from "./arbitrary-requests.js";
import { UNKNOWN_ID } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";
import { makeRows, type Rows } from "./route-requests.js";
import { snapshot } from "./snapshot.js";

const REQUESTS = 2_000;
const TIMEOUT_MS = 120_000;
const UNKNOWN: Rows = {
  webhook_id: UNKNOWN_ID,
  event_id: UNKNOWN_ID,
  delivery_id: UNKNOWN_ID,
  key_id: UNKNOWN_ID,
  organization_id: UNKNOWN_ID,
};

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
  us = await api.createOrganization();
});
afterAll(() => api.stop());

test(
  "whatever is asked, nothing is a 5xx, every answer is documented, and a refused request writes nothing",
  async () => {
    const rows = [await makeRows(us), await makeRows(us), await makeRows(await api.createOrganization()), UNKNOWN];
    const answered = new Map<string, number>();
    let before = await snapshot(api.db);
    await fc.assert(
      fc.asyncProperty(arbitraryRequests(api.routes, rows), async ({ method, path, query, headers, text }) => {
        const asked = `${path}?${new URLSearchParams(query).toString()}`;
        const body = text === undefined ? {} : { text };
        const { status } = await us.ask(method, asked, { ...body, headers });
        expect(status).toBeLessThan(500);
        const after = await snapshot(api.db);
        // A secret that was shown is written down.
        const isReveal = method === "GET" && path.endsWith("/secret") && status === 200;
        if (status >= 400 || (method === "GET" && !isReveal)) expect(after).toEqual(before);
        before = after;
        const kind = `${Math.floor(status / 100)}xx`;
        answered.set(kind, (answered.get(kind) ?? 0) + 1);
      }),
      { numRuns: REQUESTS, endOnFailure: true },
    );
    // Neither all good nor all bad, or half of this was not tried.
    expect(answered.get("2xx")).toBeGreaterThan(REQUESTS / 10);
    expect(answered.get("4xx")).toBeGreaterThan(REQUESTS / 10);
  },
  TIMEOUT_MS,
);

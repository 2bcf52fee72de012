import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
  us = await api.createOrganization();
});
afterAll(() => api.stop());

test("a path without a route is 404 and a method without one 405, with a key or none", async () => {
  for (const headers of [{}, { Authorization: `Bearer ${us.key}` }]) {
    expect((await api.ask("GET", "/v1/webhook", { headers })).body.code).toBe("route_not_found");
    const { status, headers: answered } = await api.ask("PUT", "/v1/webhooks", { headers });
    expect({ status, allow: answered["allow"] }).toEqual({ status: 405, allow: "GET, HEAD, OPTIONS, POST" });
  }
});

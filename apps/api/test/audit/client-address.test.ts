import { afterEach, expect, test } from "@jest/globals";
import { type ContractApi, startContractApi } from "../contracts/contract-api.js";
import { makeWebhook } from "../native/fixtures.js";

const FORWARDED = "198.51.100.1, 203.0.113.7";

let api: ContractApi;

afterEach(() => api.stop());

test.each([
  ["nobody", 0, FORWARDED, "127.0.0.1"],
  ["one proxy", 1, FORWARDED, "203.0.113.7"],
  ["two proxies", 2, FORWARDED, "198.51.100.1"],
  ["those in a network", ["127.0.0.0/8", "203.0.113.0/24"], FORWARDED, "198.51.100.1"],
  ["others than this one", ["10.0.0.0/8"], FORWARDED, "127.0.0.1"],
  ["one proxy, which names no address", 1, "unknown'; --", "127.0.0.1"],
  ["one proxy, which is silent", 1, null, "127.0.0.1"],
])("the client's address, when %s is trusted", async (_, trustedProxies, forwarded, address) => {
  api = await startContractApi({}, { trustedProxies });
  const us = await api.createOrganization();
  const { id } = await makeWebhook(us);
  const headers = forwarded === null ? {} : { "X-Forwarded-For": forwarded };
  await us.ask("POST", `/v1/webhooks/${id}/rotate_secret`, { headers });
  const [entry] = (await us.ask("GET", "/v1/audit_log", { query: { target_id: id } })).body.data;
  expect(entry.address).toBe(address);
});

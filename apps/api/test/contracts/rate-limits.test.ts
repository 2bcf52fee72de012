import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Response } from "supertest";
import { waitFor } from "@homing/local/wait-for";
import type { RateLimiter } from "../../src/rate-limit.js";
import { createRateLimiter } from "../../src/rate-limit.js";
import { UNKNOWN_ID } from "../native/fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

const LIMIT = 7;

/** What a key is told that has asked too often, and one that has not. */
const HEADERS: Record<string, { limited: Record<string, string>; allowed: Record<string, string> }> = {
  native: {
    limited: { "ratelimit-policy": '"key";q=7;w=1', ratelimit: '"key";r=0;t=1' },
    allowed: { "ratelimit-policy": '"key";q=7;w=1', ratelimit: '"key";r=3;t=1' },
  },
  theirstack: {
    limited: { "ratelimit-limit": "7", "ratelimit-remaining": "0", "ratelimit-reset": "1" },
    allowed: { "ratelimit-limit": "7", "ratelimit-remaining": "3", "ratelimit-reset": "1" },
  },
  kallima: {
    limited: { "x-ratelimit-limit": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" },
    allowed: { "x-ratelimit-limit": "7", "x-ratelimit-remaining": "3", "x-ratelimit-reset": "1" },
  },
  baanx: { limited: {}, allowed: {} },
  b3os: { limited: {}, allowed: {} },
};

const DETAIL = "The API key may make 7 requests a second.";
const REQUEST_ID = expect.stringMatching(/^req_[0-9A-HJKMNP-TV-Z]{26}$/);

const BODIES: Record<string, unknown> = {
  native: {
    type: "/docs/problems#rate_limited",
    title: "Too many requests",
    status: 429,
    detail: DETAIL,
    code: "rate_limited",
    request_id: REQUEST_ID,
  },
  theirstack: {
    request_id: expect.any(Number),
    error: { code: "E-012", title: "Too many requests", description: DETAIL },
  },
  kallima: {
    type: "about:blank",
    title: "Too Many Requests",
    status: 429,
    detail: DETAIL,
    code: "rate_limited",
    request_id: REQUEST_ID,
  },
  baanx: { message: "Too many requests" },
  b3os: { code: 429, message: DETAIL, requestId: REQUEST_ID, details: [] },
};

describe("a key that asks too often", () => {
  let api: ContractApi;
  let us: ContractOrganization;
  let isAllowed = false;
  const limiter: RateLimiter = {
    take: async () => ({ isAllowed, limit: LIMIT, remaining: isAllowed ? 3 : 0, windowSeconds: 1, resetSeconds: 1 }),
    close: () => Promise.resolve(),
  };

  beforeAll(async () => {
    api = await startContractApi({ limiter });
    us = await api.createOrganization();
  });
  afterAll(() => api.stop());

  test.each(Object.keys(HEADERS))("is told so by each route of %s, in its own words and headers", async (name) => {
    isAllowed = false;
    const surface = api.surfaces.find((candidate) => candidate.name === name);
    // What is for everybody or for the operator has no key to count.
    const keyed = surface?.routes.filter(({ scope }) => scope !== null && scope !== "operator") ?? [];
    expect(keyed.length).toBeGreaterThan(0);
    for (const route of keyed) {
      const path = route.path.replaceAll(/\{\w+\}/g, UNKNOWN_ID);
      // The body is not even read: it would be refused.
      const answer = await us.ask(route.method, path, route.method === "GET" ? {} : { text: "{" });
      expect({ path, status: answer.status, body: answer.body }).toEqual({ path, status: 429, body: BODIES[name] });
      expect(answer.headers["retry-after"]).toBe("1");
      expect(limitHeaders(answer)).toEqual(HEADERS[name]?.limited);
    }
  });

  test.each(Object.keys(HEADERS))("is told by %s what is left, on success and on a refusal", async (name) => {
    isAllowed = true;
    const routes = api.surfaces.find((candidate) => candidate.name === name)?.routes ?? [];
    const list = routes.find(({ method, path }) => method === "GET" && !path.includes("{"));
    const good = await us.ask("GET", list?.path ?? "");
    const bad = await us.ask("GET", list?.path ?? "", { query: { limit: -1 } });
    expect(good.status).toBe(200);
    for (const answer of [good, bad]) {
      expect(limitHeaders(answer)).toEqual(HEADERS[name]?.allowed);
      expect(answer.headers["retry-after"]).toBeUndefined();
    }
  });

  test("is not told before it is known, and before what it may not do", async () => {
    isAllowed = false;
    const unknown = await api.ask("GET", "/v1/events", { headers: { Authorization: "Bearer hom_nobody" } });
    expect(unknown.status).toBe(401);
    expect(limitHeaders(unknown)).toEqual({});
    const poor = await api.createKey(us, { scopes: [] });
    expect((await poor.ask("GET", "/v1/events")).status).toBe(429);
  });
});

test("the limit is the key's own, and is over with its window", async () => {
  const limiter = createRateLimiter({ perSecond: 2, redisUrl: null, onError: () => undefined });
  const api = await startContractApi({ limiter });
  try {
    const us = await api.createOrganization();
    const sibling = await api.createKey(us);
    const statusOf = async (key: ContractOrganization) => (await key.ask("GET", "/v1/events")).status;
    await waitFor(async () => (await statusOf(us)) === 429, { what: "the limit" });
    expect(await statusOf(sibling)).toBe(200);
    await waitFor(async () => (await statusOf(us)) === 200, { what: "the next window" });
  } finally {
    await api.stop();
  }
});

function limitHeaders({ headers }: Response): Record<string, string> {
  const told = Object.entries<string>(headers).filter(([name]) => /^(x-)?ratelimit/.test(name));
  return Object.fromEntries(told);
}

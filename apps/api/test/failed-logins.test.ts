import { createLogger } from "@homing/runtime/logger";
import { expect, test } from "@jest/globals";
import { Writable } from "node:stream";
import request, { type Test } from "supertest";
import { createFailedLogins, type FailedLoginLimits, type FailedLogins } from "../src/failed-logins.js";
import { createNativeSurface } from "../src/native-surface.js";
import { createOperatorCheck, hashOperatorKey } from "../src/operator-key.js";
import { createBoard } from "../src/ops/bull-board.js";
import { operatorRoute } from "../src/route.js";
import { createToyApp, KEY } from "./toy.js";

const OPERATOR = { username: "ops", password: "correct horse" };
const WINDOW_MS = 60_000;
const PROXIES = ["127.0.0.0/8", "::1/128", "::ffff:127.0.0.0/104"];

interface Counting {
  failedLogins: FailedLogins;
  lines: Record<string, unknown>[];
  /** Moves the clock. */
  pass: (ms: number) => void;
}

function counting(door: "api" | "board", limits: Omit<FailedLoginLimits, "windowMs">): Counting {
  const lines: Record<string, unknown>[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  let nowMs = 1_000_000;
  const log = createLogger({ service: "test", level: "info" }, stream);
  const failedLogins = createFailedLogins({
    door,
    limits: { ...limits, windowMs: WINDOW_MS },
    log,
    nowMs: () => nowMs,
  });
  return {
    failedLogins,
    lines,
    pass: (ms) => {
      nowMs += ms;
    },
  };
}

/** From an address that a trusted proxy names. */
function from(address: string, asked: Test): Test {
  return asked.set("X-Forwarded-For", address);
}

function startApi(limits: Omit<FailedLoginLimits, "windowMs">, trustedProxies = PROXIES) {
  const count = counting("api", limits);
  const { app } = createToyApp({ gate: { failedLogins: count.failedLogins }, trustedProxies });
  const ask = (address: string, key: string | null) => {
    const asked = from(address, request(app).get("/v1/toys/0197f3a0-0000-7000-8000-000000000001"));
    return key === null ? asked : asked.set("Authorization", `Bearer ${key}`);
  };
  return { ...count, ask };
}

test("too many unknown keys from one address are 429 with Retry-After, for as long as the window lasts", async () => {
  const { ask, pass } = startApi({ perAddressMax: 3 });
  for (const status of [401, 401, 401, 429, 429]) expect((await ask("192.0.2.1", "hom_x")).status).toBe(status);
  const refused = await ask("192.0.2.1", "hom_y");
  expect(refused.headers["retry-after"]).toBe("60");
  expect(refused.body).toMatchObject({ code: "rate_limited", status: 429 });
  pass(WINDOW_MS);
  expect((await ask("192.0.2.1", "hom_x")).status).toBe(401);
});

test("a good key is let in from an address that is blocked, and other addresses are not blocked with it", async () => {
  const { ask } = startApi({ perAddressMax: 1 });
  await ask("192.0.2.1", "hom_x");
  expect((await ask("192.0.2.1", "hom_x")).status).toBe(429);
  expect((await ask("192.0.2.1", KEY)).status).toBe(200);
  expect((await ask("192.0.2.2", "hom_x")).status).toBe(401);
});

test("the operator's credential cannot be guessed at for longer than a key can, and the right one is let in", async () => {
  const operatorKey = "o".repeat(32);
  const lock = operatorRoute({
    method: "GET",
    path: "/v1/lock",
    operationId: "getLock",
    summary: "Open the lock",
    tag: "toys",
    input: {},
    answers: { 204: { description: "Open" } },
    refusals: [],
    handle: async () => ({ status: 204 }),
  });
  const { failedLogins } = counting("api", { perAddressMax: 2 });
  const { app } = createToyApp({
    contracts: [{ ...createNativeSurface([lock]), owns: (path) => path === "/v1/lock" }],
    gate: { failedLogins, isOperator: createOperatorCheck(hashOperatorKey(operatorKey)) },
  });
  const ask = (key: string) => request(app).get("/v1/lock").set("Authorization", `Bearer ${key}`);
  for (const status of [401, 401, 429]) expect((await ask("x".repeat(32))).status).toBe(status);
  expect((await ask(operatorKey)).status).toBe(204);
});

test("a request without a credential has not failed to log in", async () => {
  const { ask, lines } = startApi({ perAddressMax: 1 });
  for (let count = 0; count < 3; count += 1) expect((await ask("192.0.2.1", null)).status).toBe(401);
  expect(lines).toEqual([]);
});

test("the addresses of one IPv6 network count together, and IPv4 in IPv6 is the IPv4 address", async () => {
  const { ask } = startApi({ perAddressMax: 1 });
  await ask("2001:db8:1:2::1", "hom_x");
  expect((await ask("2001:db8:1:2:ffff::2", "hom_x")).status).toBe(429);
  expect((await ask("2001:db8:1:3::1", "hom_x")).status).toBe(401);
  await ask("192.0.2.1", "hom_x");
  expect((await ask("::ffff:192.0.2.1", "hom_x")).status).toBe(429);
});

test("without trusted proxies nobody says who the client is but its connection", async () => {
  const { ask } = startApi({ perAddressMax: 1 }, []);
  await ask("192.0.2.1", "hom_x");
  expect((await ask("192.0.2.2", "hom_x")).status).toBe(429);
});

test("each failure that counts is logged, with the address and without the credential", async () => {
  const { ask, lines } = startApi({ perAddressMax: 2 });
  for (let count = 0; count < 4; count += 1) await ask("192.0.2.1", "hom_hunter2");
  expect(lines).toMatchObject([
    { message: "login.failed", door: "api", client_address: "192.0.2.1", failures: 1, is_blocked: false },
    { message: "login.failed", door: "api", client_address: "192.0.2.1", failures: 2, is_blocked: true },
  ]);
  expect(JSON.stringify(lines)).not.toContain("hunter2");
});

test("whoever has many addresses fills no memory: the oldest are forgotten", async () => {
  const { failedLogins } = counting("api", { perAddressMax: 1 });
  const addressOf = (number: number) => `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  for (let number = 0; number < 10_001; number += 1) failedLogins.fail({ address: addressOf(number) });
  expect(failedLogins.blockedSeconds({ address: addressOf(0) })).toBeNull();
  expect(failedLogins.blockedSeconds({ address: addressOf(1) })).toBe(60);
});

function startBoard(limits: Omit<FailedLoginLimits, "windowMs">) {
  const count = counting("board", limits);
  const { app } = createToyApp({ board: createBoard([], OPERATOR, count.failedLogins), trustedProxies: PROXIES });
  const logIn = (address: string, password: string | null, username = OPERATOR.username) => {
    const asked = from(address, request(app).get("/ops/queues"));
    return password === null ? asked : asked.auth(username, password);
  };
  return { ...count, app, logIn };
}

test("an address that fails to log in at the board too often is 429, with the right password too", async () => {
  const { logIn, lines, pass } = startBoard({ perAddressMax: 2, perNameMax: 100 });
  expect((await logIn("192.0.2.1", "hunter2")).status).toBe(401);
  expect((await logIn("192.0.2.1", "hunter2")).status).toBe(401);
  const blocked = await logIn("192.0.2.1", OPERATOR.password);
  expect({ status: blocked.status, wait: blocked.headers["retry-after"] }).toEqual({ status: 429, wait: "60" });
  expect((await logIn("192.0.2.2", OPERATOR.password)).status).toBe(200);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatchObject({ message: "login.failed", door: "board", client_address: "192.0.2.1" });
  expect(JSON.stringify(lines)).not.toMatch(/hunter2|ops"/);
  pass(WINDOW_MS);
  expect((await logIn("192.0.2.1", OPERATOR.password)).status).toBe(200);
});

test("a name that fails from everywhere is closed to strangers, and stays open to where it has logged in", async () => {
  const { logIn } = startBoard({ perAddressMax: 100, perNameMax: 3 });
  expect((await logIn("198.51.100.7", OPERATOR.password)).status).toBe(200);
  for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) await logIn(address, "wrong");
  expect((await logIn("192.0.2.4", OPERATOR.password)).status).toBe(429);
  expect((await logIn("192.0.2.4", "wrong", "somebody else")).status).toBe(401);
  expect((await logIn("198.51.100.7", OPERATOR.password)).status).toBe(200);
});

test("a browser that has not been asked for a password has not failed, and a login clears what its address mistyped", async () => {
  const { logIn } = startBoard({ perAddressMax: 2, perNameMax: 100 });
  for (let count = 0; count < 3; count += 1) expect((await logIn("192.0.2.1", null)).status).toBe(401);
  await logIn("192.0.2.1", "wrong");
  expect((await logIn("192.0.2.1", OPERATOR.password)).status).toBe(200);
  await logIn("192.0.2.1", "wrong");
  expect((await logIn("192.0.2.1", OPERATOR.password)).status).toBe(200);
});

test("a tenant's key does not open the board, and the operator's password does not open the API", async () => {
  const { app } = startBoard({ perAddressMax: 100, perNameMax: 100 });
  const toy = "/v1/toys/0197f3a0-0000-7000-8000-000000000001";
  const bearer = `Bearer ${OPERATOR.password}`;
  const basic = `Basic ${Buffer.from(`${OPERATOR.username}:${OPERATOR.password}`).toString("base64")}`;
  for (const authorization of [`Bearer ${KEY}`, `Basic ${Buffer.from(`ops:${KEY}`).toString("base64")}`, bearer]) {
    expect((await request(app).get("/ops/queues").set("Authorization", authorization)).status).toBe(401);
  }
  for (const authorization of [basic, bearer]) {
    expect((await request(app).get(toy).set("Authorization", authorization)).status).toBe(401);
  }
});

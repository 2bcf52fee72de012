import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import { StartError } from "@homing/runtime/start-error";
import { readConfig } from "../src/config.js";

const KEY_32 = Buffer.alloc(32, 1).toString("base64");
const LEAST = { DATABASE_URL: "postgres://u:p@db:5432/homing", HOMING_ENCRYPTION_KEYS: `a:${KEY_32}` };

test("the least environment gets the documented defaults", () => {
  expect(readConfig({ ...LEAST, UNRELATED: "x", REDIS_URL: "" })).toEqual({
    host: "127.0.0.1",
    port: 3000,
    databaseUrl: LEAST.DATABASE_URL,
    redisUrl: null,
    bootstrapApiKey: null,
    operatorKeyHash: null,
    encryptionKeys: LEAST.HOMING_ENCRYPTION_KEYS,
    boardLogin: null,
    egressAllow: [],
    egress: {
      deny: [],
      ports: { isAllowed: expect.any(Function) },
      httpsOnly: false,
      proxy: null,
      lookup: expect.any(Function),
    },
    rateLimitPerSecond: null,
    trustedProxies: 0,
    deliveryEnabled: true,
    logLevel: "info",
    shutdownGraceMs: 20_000,
  });
});

test("every variable is read", () => {
  const config = readConfig({
    HOST: "0.0.0.0",
    PORT: "0",
    DATABASE_URL: "postgresql:///homing?host=/run/pg",
    REDIS_URL: "rediss://r:6380/1",
    HOMING_API_KEY: `hom_${"k".repeat(28)}`,
    HOMING_OPERATOR_KEY: "o".repeat(32),
    HOMING_ENCRYPTION_KEYS: `a:${KEY_32},b:${KEY_32}`,
    OPS_USERNAME: "ops",
    OPS_PASSWORD: "pass",
    EGRESS_ALLOW: "127.0.0.0/8, ::1/128",
    TRUSTED_PROXIES: "10.0.0.0/8, 192.0.2.1/32",
    RATE_LIMIT_PER_SECOND: "250",
    DELIVERY_ENABLED: "false",
    LOG_LEVEL: "debug",
    SHUTDOWN_GRACE_MS: "500",
  });
  expect(config).toMatchObject({
    host: "0.0.0.0",
    port: 0,
    databaseUrl: "postgresql:///homing?host=/run/pg",
    redisUrl: "rediss://r:6380/1",
    bootstrapApiKey: `hom_${"k".repeat(28)}`,
    operatorKeyHash: createHash("sha256").update("o".repeat(32)).digest(),
    boardLogin: { username: "ops", password: "pass" },
    egressAllow: ["127.0.0.0/8", "::1/128"],
    trustedProxies: ["10.0.0.0/8", "192.0.2.1/32"],
    rateLimitPerSecond: 250,
    deliveryEnabled: false,
    logLevel: "debug",
    shutdownGraceMs: 500,
  });
});

test("trusted proxies may be a number of them", () => {
  expect(readConfig({ ...LEAST, TRUSTED_PROXIES: "2" }).trustedProxies).toBe(2);
});

test("all faults are named at once, by variable and never by value", () => {
  const wrong = {
    HOST: "hunter2 host",
    PORT: "hunter2",
    DATABASE_URL: "hunter2://db",
    REDIS_URL: "http://hunter2",
    HOMING_API_KEY: "hunter2",
    HOMING_OPERATOR_KEY: "hunter2",
    HOMING_ENCRYPTION_KEYS: "hunter2",
    OPS_PASSWORD: "hunter2",
    EGRESS_ALLOW: "127.0.0.1/8,hunter2",
    EGRESS_DENY: "hunter2",
    EGRESS_PORTS: "hunter2",
    EGRESS_HTTPS_ONLY: "hunter2",
    EGRESS_PROXY: "hunter2",
    DNS_SERVERS: "hunter2",
    TRUSTED_PROXIES: "hunter2",
    RATE_LIMIT_PER_SECOND: "hunter2",
    DELIVERY_ENABLED: "hunter2",
    LOG_LEVEL: "hunter2",
    SHUTDOWN_GRACE_MS: "hunter2",
  };
  let thrown: unknown;
  try {
    readConfig(wrong);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(StartError);
  const message = thrown instanceof Error ? thrown.message : "";
  for (const name of [...Object.keys(wrong), "OPS_USERNAME"]) expect(message).toContain(name);
  expect(message).not.toContain("hunter2");
  expect(message).not.toContain("\n");
});

test.each([
  ["too short", "o".repeat(31)],
  ["like an API key", `hom_${"k".repeat(43)}`],
  ["like a portal token", `homp_${"k".repeat(43)}`],
  ["of two words", `${"o".repeat(20)} ${"o".repeat(20)}`],
])("an operator's credential that is %s is refused", (_, HOMING_OPERATOR_KEY) => {
  expect(() => readConfig({ ...LEAST, HOMING_OPERATOR_KEY })).toThrow(/HOMING_OPERATOR_KEY must be 32 to 256/);
});

test("what must be there is asked for", () => {
  expect(() => readConfig({})).toThrow("DATABASE_URL is required; HOMING_ENCRYPTION_KEYS is required");
});

import { expect, test } from "@jest/globals";
import { readConfig } from "../src/config.js";

const REQUIRED = { DATABASE_URL: "postgresql://u:p@h/db", HOMING_ENCRYPTION_KEYS: "k1:c2VjcmV0" };

test("two variables are enough", () => {
  expect(readConfig(REQUIRED)).toEqual({
    databaseUrl: "postgresql://u:p@h/db",
    redisUrl: null,
    encryptionKeys: "k1:c2VjcmV0",
    egressAllow: [],
    deliveryEnabled: true,
    concurrency: 100,
    isIsolating: true,
    health: { host: "127.0.0.1", port: 3001 },
    retentionMs: 30 * 24 * 60 * 60 * 1000,
    logLevel: "info",
    shutdownGraceMs: 20_000,
  });
});

test("every variable is read, in its unit", () => {
  const config = readConfig({
    ...REQUIRED,
    REDIS_URL: "redis://h",
    EGRESS_ALLOW: " 127.0.0.0/8, ::1/128 ,",
    DELIVERY_ENABLED: "false",
    WORKER_CONCURRENCY: "7",
    WORKER_HEALTH_HOST: "0.0.0.0",
    WORKER_HEALTH_PORT: "0",
    RETENTION_DAYS: "2",
    LOG_LEVEL: "debug",
    SHUTDOWN_GRACE_MS: "0",
  });
  expect(config).toMatchObject({
    redisUrl: "redis://h",
    egressAllow: ["127.0.0.0/8", "::1/128"],
    deliveryEnabled: false,
    concurrency: 7,
    health: { host: "0.0.0.0", port: 0 },
    retentionMs: 2 * 24 * 60 * 60 * 1000,
    logLevel: "debug",
    shutdownGraceMs: 0,
  });
});

test("what is missing or malformed is named at once, without its value", () => {
  const read = () => readConfig({ DATABASE_URL: "", WORKER_CONCURRENCY: "s3cr3t", LOG_LEVEL: "loud" });
  expect(read).toThrow(/DATABASE_URL is required.*HOMING_ENCRYPTION_KEYS is required.*WORKER_CONCURRENCY.*LOG_LEVEL/);
  expect(read).not.toThrow(/s3cr3t/);
});

test.each([
  ["WORKER_CONCURRENCY", "0"],
  ["DELIVERY_ENABLED", "off"],
  ["RETENTION_DAYS", "0"],
  ["WORKER_HEALTH_PORT", "65536"],
  ["SHUTDOWN_GRACE_MS", "-1"],
])("%s=%s is refused", (name, value) => {
  expect(() => readConfig({ ...REQUIRED, [name]: value })).toThrow(name);
});

import { expect, test } from "@jest/globals";
import { readConfig } from "../src/config.js";

const REQUIRED = { DATABASE_URL: "postgresql://u:p@h/db", HOMING_ENCRYPTION_KEYS: "k1:c2VjcmV0" };

/** Ports and resolver are functions by then. */
const EGRESS_DEFAULTS = {
  deny: [],
  ports: { isAllowed: expect.any(Function) },
  httpsOnly: false,
  proxy: null,
  lookup: expect.any(Function),
};

test("two variables are enough", () => {
  expect(readConfig(REQUIRED)).toEqual({
    databaseUrl: "postgresql://u:p@h/db",
    redisUrl: null,
    encryptionKeys: "k1:c2VjcmV0",
    egressAllow: [],
    egress: EGRESS_DEFAULTS,
    deliveryEnabled: true,
    concurrency: 200,
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
    EGRESS_DENY: "203.0.114.0/24, 2a00::/32",
    EGRESS_PORTS: "443, 8000-8999",
    EGRESS_HTTPS_ONLY: "true",
    EGRESS_PROXY: "http://us:s3cr3t@proxy:3128",
    DNS_SERVERS: "10.0.0.2, [fd00::2]:5353",
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
    egress: {
      deny: ["203.0.114.0/24", "2a00::/32"],
      httpsOnly: true,
      proxy: "http://us:s3cr3t@proxy:3128",
    },
    deliveryEnabled: false,
    concurrency: 7,
    health: { host: "0.0.0.0", port: 0 },
    retentionMs: 2 * 24 * 60 * 60 * 1000,
    logLevel: "debug",
    shutdownGraceMs: 0,
  });
  expect([80, 443, 8000, 9000].filter((port) => config.egress.ports.isAllowed(port))).toEqual([443, 8000]);
});

test("what is missing or malformed is named at once, without its value", () => {
  const read = () => readConfig({ DATABASE_URL: "", WORKER_CONCURRENCY: "s3cr3t", LOG_LEVEL: "loud" });
  expect(read).toThrow(/DATABASE_URL is required.*HOMING_ENCRYPTION_KEYS is required.*WORKER_CONCURRENCY.*LOG_LEVEL/);
  expect(read).not.toThrow(/s3cr3t/);
});

test.each([
  ["WORKER_CONCURRENCY", "0"],
  ["DELIVERY_ENABLED", "off"],
  ["EGRESS_DENY", "10.0.0.1"],
  ["EGRESS_PORTS", "0"],
  ["EGRESS_PORTS", "443-80"],
  ["EGRESS_PORTS", "65536"],
  ["EGRESS_PORTS", "https"],
  ["EGRESS_HTTPS_ONLY", "perhaps"],
  ["EGRESS_PROXY", "socks5://u:s3cr3t@proxy:1080"],
  ["EGRESS_PROXY", "http://u:%@proxy"],
  ["DNS_SERVERS", "resolver.example"],
  ["RETENTION_DAYS", "0"],
  ["WORKER_HEALTH_PORT", "65536"],
  ["SHUTDOWN_GRACE_MS", "-1"],
])("%s=%s is refused", (name, value) => {
  expect(() => readConfig({ ...REQUIRED, [name]: value })).toThrow(name);
  expect(() => readConfig({ ...REQUIRED, [name]: value })).not.toThrow("s3cr3t");
});

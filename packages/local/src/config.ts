/** PATH, where installed programs are looked for. */
export function searchPath(): string {
  return process.env["PATH"] ?? "";
}

/** HOMING_TEST_POSTGRES_URL: the Postgres of this test run; set by the global set-up, or from outside to use another server. */
export function testPostgresUrl(): string | null {
  return process.env["HOMING_TEST_POSTGRES_URL"] || null;
}

/** Hands the test run's Postgres on to Jest's workers, which are started with this process's environment. */
export function setTestPostgresUrl(url: string): void {
  process.env["HOMING_TEST_POSTGRES_URL"] = url;
}

/** REDIS_URL: the Redis for tests where redis-server is not installed. */
export function testRedisUrl(): string | null {
  return process.env["REDIS_URL"] || null;
}

import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { testPostgresUrl } from "./config.js";

const CONNECT_TIMEOUT_MS = 10_000;
const NAME_BYTES = 8;

export interface TestDatabase {
  url: string;
  /** The URL of a new login in a group of roles; it goes with the database. */
  loginIn(group: string): Promise<string>;
  /** Ends the database's sessions and removes it. */
  drop(): Promise<void>;
}

/**
 * A new database of its own on the test run's Postgres.
 * @param options.template what `prepareTemplate` answered; empty without
 * @throws when the workspace's Jest configuration lacks the global set-up
 */
export async function createTestDatabase(options: { template?: string } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(NAME_BYTES).toString("hex")}`;
  const template = options.template ?? "template0";
  await withServer((server) => server.query(`CREATE DATABASE ${quote(name)} TEMPLATE ${quote(template)}`));
  const logins: string[] = [];
  return {
    url: urlOf(name),
    async loginIn(group) {
      const login = `${name}_${logins.length + 1}`;
      const password = randomBytes(NAME_BYTES).toString("hex");
      await withServer((server) =>
        server.query(`CREATE ROLE ${quote(login)} LOGIN PASSWORD '${password}' IN ROLE ${quote(group)}`),
      );
      logins.push(login);
      return Object.assign(new URL(urlOf(name)), { username: login, password }).href;
    },
    drop: () =>
      withServer(async (server) => {
        await dropDatabase(server, name);
        for (const login of logins) await server.query(`DROP ROLE ${quote(login)}`);
      }),
  };
}

/**
 * Migrates a template once per test run, however many workers ask: the first one in works, the others wait and find it. One whose
 * migration failed is not kept.
 * @param name a word that says what the migrations make
 * @param migrate brings an empty database up to date, and closes its connections
 * @returns the template's name, for `createTestDatabase`
 */
export async function prepareTemplate(name: string, migrate: (url: string) => Promise<void>): Promise<string> {
  const template = `template_${name}`;
  const unfinished = `${template}_unfinished`;
  await withServer(async (server) => {
    // Held by this session, so that it ends with its process too.
    await server.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", [template]);
    const { rowCount } = await server.query("SELECT 1 FROM pg_database WHERE datname = $1", [template]);
    if (rowCount === 1) return;
    await dropDatabase(server, unfinished);
    await server.query(`CREATE DATABASE ${quote(unfinished)} TEMPLATE template0`);
    await migrate(urlOf(unfinished));
    await server.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", [unfinished]);
    await server.query(`ALTER DATABASE ${quote(unfinished)} RENAME TO ${quote(template)}`);
  });
  return template;
}

async function dropDatabase(server: Client, name: string): Promise<void> {
  await server.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`);
}

async function withServer<T>(work: (server: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: serverUrl(), connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function serverUrl(): string {
  const url = testPostgresUrl();
  if (url === null)
    throw new Error('no test Postgres: add globalSetup "@homing/local/jest/global-setup" to the Jest configuration');
  return url;
}

function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

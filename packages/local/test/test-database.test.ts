import { randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { Client } from "pg";
import { createTestDatabase, prepareTemplate } from "../src/test-database.js";

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

const newName = () => `t_${randomUUID().slice(0, 8)}`;

test("two test databases see nothing of each other, and a dropped one is gone with its sessions", async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await query(one.url, "CREATE TABLE mine (id int)");
  expect(await query(two.url, "SELECT to_regclass('mine')")).toEqual([[null]]);
  const open = new Client({ connectionString: one.url });
  open.on("error", () => undefined);
  await open.connect();
  await Promise.all([one.drop(), two.drop()]);
  await expect(query(one.url, "SELECT 1")).rejects.toThrow("does not exist");
});

test("a template is migrated once although many ask for it at the same time, and databases made of it hold what it made", async () => {
  const name = newName();
  let migrations = 0;
  const migrate = async (url: string) => {
    migrations += 1;
    await query(url, "CREATE TABLE migrated AS SELECT 7 AS seven");
  };
  const templates = await Promise.all(Array.from({ length: 5 }, () => prepareTemplate(name, migrate)));
  expect(migrations).toBe(1);
  const databases = await Promise.all(templates.map((template) => createTestDatabase({ template })));
  for (const database of databases) {
    expect(await query(database.url, "SELECT seven FROM migrated")).toEqual([[7]]);
    await database.drop();
  }
});

test("a migration that failed is told, leaves no template behind, and may be tried again", async () => {
  const name = newName();
  const fail = async (url: string) => {
    await query(url, "CREATE TABLE half_done (id int)");
    throw new Error("no such migration");
  };
  await expect(prepareTemplate(name, fail)).rejects.toThrow("no such migration");
  const template = await prepareTemplate(name, async (url) => {
    await query(url, "CREATE TABLE done (id int)");
  });
  const database = await createTestDatabase({ template });
  expect(await query(database.url, "SELECT to_regclass('half_done'), to_regclass('done')::text")).toEqual([
    [null, "done"],
  ]);
  await database.drop();
});

test("a migration that leaves a connection open still becomes a template", async () => {
  const leaked: Client[] = [];
  const template = await prepareTemplate(newName(), async (url) => {
    const client = new Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    leaked.push(client);
  });
  const database = await createTestDatabase({ template });
  expect(await query(database.url, "SELECT 1")).toEqual([[1]]);
  await database.drop();
  expect(leaked).toHaveLength(1);
});

import { createTestDatabase, prepareTemplate, type TestDatabase } from "@homing/local/test-database";
import { createDatabase, type Database } from "../src/client.js";
import { migrate } from "../src/migrate.js";

/** A migrated database of its own. */
export async function migratedDatabase(): Promise<TestDatabase> {
  const template = await prepareTemplate("homing", async (url) => {
    await migrate(url);
  });
  return createTestDatabase({ template });
}

/** A client of one, and what ends both. */
export async function openMigrated(connectionsMax: number): Promise<{ db: Database; close: () => Promise<void> }> {
  const database = await migratedDatabase();
  const db = createDatabase({ url: database.url, connectionsMax, applicationName: "test" });
  return {
    db,
    async close() {
      await db.$disconnect();
      await database.drop();
    },
  };
}

import { createTestDatabase, prepareTemplate, type TestDatabase } from "@homing/local/test-database";
import { migrate } from "../src/migrate.js";

/** A migrated database of its own. */
export async function migratedDatabase(): Promise<TestDatabase> {
  const template = await prepareTemplate("homing", async (url) => {
    await migrate(url);
  });
  return createTestDatabase({ template });
}

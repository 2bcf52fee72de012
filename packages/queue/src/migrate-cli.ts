import { readConnection } from "./config.js";
import { migrateQueue } from "./migrate-queue.js";

const { databaseUrl, redisUrl } = readConnection();
if (redisUrl !== null) {
  process.stdout.write("migrate queue: it is on Redis, which needs no tables\n");
  process.exit(0);
}
if (databaseUrl === null) {
  process.stderr.write("migrate queue: DATABASE_URL is required\n");
  process.exit(1);
}
try {
  const version = await migrateQueue(databaseUrl);
  process.stdout.write(`migrate queue: schema at version ${version}\n`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`migrate queue: ${error instanceof Error ? error.message || error.name : String(error)}\n`);
  process.exit(1);
}

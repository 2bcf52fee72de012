import { databaseUrl } from "./config.js";
import { migrate } from "./migrate.js";

const url = databaseUrl();
if (url === null) {
  process.stderr.write("migrate: DATABASE_URL is required\n");
  process.exit(1);
}
try {
  const { migrations, partitions } = await migrate(url);
  process.stdout.write(`migrate: ${migrations.length} migrations applied, ${partitions.length} partitions made\n`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`migrate: ${error instanceof Error ? error.message || error.name : String(error)}\n`);
  process.exit(1);
}

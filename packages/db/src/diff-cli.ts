import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { databaseUrl } from "./config.js";
import { diffSchema } from "./diff.js";
import { MIGRATIONS_DIRECTORY } from "./schema-engine.js";

const { values } = parseArgs({
  options: { name: { type: "string" }, check: { type: "boolean", default: false } },
});
const url = databaseUrl();
if (url === null) {
  process.stderr.write("diff: DATABASE_URL is required: a Postgres whose user may create databases\n");
  process.exit(1);
}
const sql = await diffSchema(url);
if (sql === null) {
  process.stdout.write("diff: the migrations make what prisma/schema.prisma says\n");
} else if (values.name !== undefined) {
  const stamp = new Date().toISOString().replaceAll(/\D/g, "").slice(0, 14);
  const directory = path.join(MIGRATIONS_DIRECTORY, `${stamp}_${values.name}`);
  await mkdir(directory);
  await writeFile(path.join(directory, "migration.sql"), sql);
  process.stdout.write(
    `diff: wrote ${path.relative(process.cwd(), directory)}/migration.sql; read it before you commit it\n`,
  );
} else {
  process.stdout.write(sql);
}
process.exit(sql !== null && values.check ? 1 : 0);

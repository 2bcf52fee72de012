import { parseArgs } from "node:util";
import { auditDeliveries } from "@homing/core/audit/audit-deliveries";
import { createDatabase } from "@homing/db/client";
import { reachDatabase } from "@homing/db/reach";
import { formatAudit } from "./audit-table.js";
import { readDatabaseUrl } from "./config.js";

const CONNECTIONS_MAX = 1;
const QUERY_MS_MAX = 10 * 60 * 1000;
const CLEAN = 0;
const FINDINGS = 1;
const NOT_AUDITED = 2;

async function audit(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
  const url = readDatabaseUrl();
  const db = createDatabase({
    url,
    connectionsMax: CONNECTIONS_MAX,
    applicationName: "homing-audit",
    statementMsMax: QUERY_MS_MAX,
  });
  try {
    const reached = await reachDatabase(db, url);
    if (!reached.ok) throw new Error(reached.reason);
    const results = await auditDeliveries({ db });
    process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : formatAudit(results));
    return results.some(({ findings }) => findings > 0) ? FINDINGS : CLEAN;
  } finally {
    await db.$disconnect();
  }
}

try {
  process.exitCode = await audit();
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`audit: ${reason.trim().replaceAll(/\s+/g, " ")}\n`);
  process.exitCode = NOT_AUDITED;
}

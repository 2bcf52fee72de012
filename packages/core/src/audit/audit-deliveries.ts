import type { Transaction } from "@homing/db/client";
import type { Context } from "../context.js";
import { CONTRADICTION_INVARIANTS } from "./contradictions.js";
import type { Invariant } from "./invariant.js";
import { PROGRESS_INVARIANTS } from "./progress.js";
import { PUBLISHING_INVARIANTS } from "./publishing.js";

const FINDINGS_COUNTED_MAX = 10_000;
const EXAMPLES_MAX = 20;
// How long a statement may take is the connection's to limit.
const TRANSACTION_LIMITS = { maxWait: 5_000, timeout: 60 * 60 * 1000 };

const INVARIANTS = [...PROGRESS_INVARIANTS, ...CONTRADICTION_INVARIANTS, ...PUBLISHING_INVARIANTS];

/** What came of looking for whatever breaks one invariant. */
export interface AuditResult {
  invariant: string;
  /** What is wrong with a finding. */
  meaning: string;
  /** Counted up to 10,000. */
  findings: number;
  /** Ids of deliveries or events, 20 at most. */
  examples: string[];
}

/**
 * Checks in a live database that what must hold does (docs/architecture.md, "What holds at every moment"): one statement for each
 * invariant, each of one moment, under traffic too. It changes nothing and reads all deliveries, events and attempts, so that large
 * tables want a connection whose statements may take long.
 * @returns one result for each invariant; a sound database has no findings in any
 * @throws what the database throws
 */
export async function auditDeliveries({ db }: Pick<Context, "db">): Promise<AuditResult[]> {
  const results: AuditResult[] = [];
  for (const invariant of INVARIANTS) {
    results.push(await db.$transaction((transaction) => check(transaction, invariant), TRANSACTION_LIMITS));
  }
  return results;
}

async function check(db: Transaction, { name, meaning, findings }: Invariant): Promise<AuditResult> {
  await db.$executeRaw`SET TRANSACTION READ ONLY`;
  const [row] = await db.$queryRaw<{ findings: number; examples: string[] | null }[]>`
    WITH finding AS (SELECT id FROM (${findings}) found LIMIT ${FINDINGS_COUNTED_MAX})
    SELECT count(*)::int AS findings, (array_agg(id::text ORDER BY id))[1:${EXAMPLES_MAX}] AS examples FROM finding`;
  return { invariant: name, meaning, findings: row?.findings ?? 0, examples: row?.examples ?? [] };
}

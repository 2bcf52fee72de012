import { Prisma } from "@homing/db/client";
import { SealError } from "@homing/signature/sealing";
import type { Context } from "../context.js";
import { openAt, SEALED_COLUMNS, sealAt, type SealedColumn } from "./sealed-columns.js";

const BATCH_ROWS = 200;
const PASSES_MAX = 10;
const NAMED_MAX = 1_000;
const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";
/** Not an id that a key can have. */
const NOT_SEALED = "(not sealed)";

/** Done so far in one column, of what was to be done when it was come to. */
export interface KeyProgress {
  column: SealedColumn;
  reencrypted: number;
  total: number;
}

export interface KeyRotation {
  /** Texts that are sealed under another key than the first now. */
  reencrypted: number;
  /** Texts that no key opens, and the places of the first 1,000 of them: `table.column row-id`. */
  unopened: { count: number; places: string[] };
  /** How many texts stand under each key, in all columns. */
  textsByKeyId: Record<string, number>;
  /** Those that are not under the first key: unopened, or written meanwhile by a process that seals with another one. */
  left: number;
}

type KeysContext = Pick<Context, "db" | "sealer">;

/**
 * Seals everything anew that is not sealed under the first key, beside running APIs and workers: a batch is one UPDATE of the rows that
 * still hold what was read, and waits for nobody, so a change that is made meanwhile wins. What is done is not looked at again, so a run
 * that was cut off is taken up by the next.
 * @param onProgress is told after each batch
 * @throws what the database throws
 */
export async function rotateKeys(
  context: KeysContext,
  onProgress: (progress: KeyProgress) => void = () => undefined,
): Promise<KeyRotation> {
  let reencrypted = 0;
  let last: Pass = { reencrypted: 0, passedOver: 0, unopened: { count: 0, places: [] } };
  for (let pass = 0; pass < PASSES_MAX; pass += 1) {
    last = { reencrypted: 0, passedOver: 0, unopened: { count: 0, places: [] } };
    for (const column of SEALED_COLUMNS) await passColumn(context, { column, pass: last, onProgress });
    reencrypted += last.reencrypted;
    // Rows that were locked or changed, and what came behind this pass, are the next one's.
    if (last.reencrypted + last.passedOver === 0) break;
  }
  const counted = await Promise.all(SEALED_COLUMNS.map((column) => countByKey(context, column)));
  const textsByKeyId: Record<string, number> = {};
  for (const { key_id: id, texts } of counted.flat()) textsByKeyId[id] = (textsByKeyId[id] ?? 0) + texts;
  const left = await Promise.all(SEALED_COLUMNS.map((column) => countLeft(context, column)));
  return { reencrypted, unopened: last.unopened, textsByKeyId, left: left.reduce((sum, texts) => sum + texts, 0) };
}

interface Pass {
  reencrypted: number;
  /** Could be opened, and were locked or changed when they were to be written. */
  passedOver: number;
  unopened: { count: number; places: string[] };
}

interface SealedRow {
  id: string;
  sealed: string;
}

async function passColumn(
  context: KeysContext,
  { column, pass, onProgress }: { column: SealedColumn; pass: Pass; onProgress: (progress: KeyProgress) => void },
): Promise<void> {
  const total = await countLeft(context, column);
  let done = 0;
  let after = BEFORE_ALL;
  for (;;) {
    const rows = await readBatch(context, column, after);
    const lastRow = rows.at(-1);
    if (lastRow === undefined) return;
    const opened = rows.flatMap((row) => reseal(context, column, row, pass));
    const changed = await writeBatch(context, column, opened);
    done += changed;
    pass.reencrypted += changed;
    pass.passedOver += opened.length - changed;
    after = lastRow.id;
    onProgress({ column, reencrypted: done, total });
  }
}

/** The row's text under the first key; nothing, and a note of it, where no key opens it. */
function reseal(
  { sealer }: KeysContext,
  column: SealedColumn,
  row: SealedRow,
  { unopened }: Pass,
): (SealedRow & { old: string })[] {
  try {
    const text = openAt(sealer, column, row);
    return [{ id: row.id, old: row.sealed, sealed: sealAt(sealer, column, { id: row.id, text }) }];
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    unopened.count += 1;
    if (unopened.places.length < NAMED_MAX) unopened.places.push(`${column} ${row.id}`);
    return [];
  }
}

function namesOf(column: SealedColumn): { table: Prisma.Sql; text: Prisma.Sql } {
  const [table = "", name = ""] = column.split(".");
  return { table: Prisma.raw(table), text: Prisma.raw(name) };
}

function isLeft({ sealer }: KeysContext, text: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`${text} IS NOT NULL AND NOT starts_with(${text}, ${sealer.prefix})`;
}

function readBatch(context: KeysContext, column: SealedColumn, after: string): Promise<SealedRow[]> {
  const { table, text } = namesOf(column);
  return context.db.$queryRaw<SealedRow[]>`
    SELECT id, ${text} AS sealed FROM ${table}
    WHERE id > ${after}::uuid AND ${isLeft(context, text)}
    ORDER BY id LIMIT ${BATCH_ROWS}`;
}

/** Who holds a row is changing it: no wait, so no deadlock, and his change wins. */
async function writeBatch(
  { db }: KeysContext,
  column: SealedColumn,
  rows: readonly (SealedRow & { old: string })[],
): Promise<number> {
  if (rows.length === 0) return 0;
  const { table, text } = namesOf(column);
  return db.$executeRaw`
    WITH unchanged AS (
      SELECT kept.id, given.sealed FROM ${table} kept
      JOIN unnest(
        ${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ old }) => old)}::text[], ${rows.map(({ sealed }) => sealed)}::text[]
      ) given (id, old, sealed) ON given.id = kept.id AND given.old = kept.${text}
      FOR NO KEY UPDATE OF kept SKIP LOCKED
    )
    UPDATE ${table} kept SET ${text} = unchanged.sealed FROM unchanged WHERE kept.id = unchanged.id`;
}

async function countLeft(context: KeysContext, column: SealedColumn): Promise<number> {
  const { table, text } = namesOf(column);
  const [row] = await context.db.$queryRaw<{ texts: number }[]>`
    SELECT count(*)::int AS texts FROM ${table} WHERE ${isLeft(context, text)}`;
  return row?.texts ?? 0;
}

/** What does not begin as a sealed text is not shown: it may be a secret. */
function countByKey({ db }: KeysContext, column: SealedColumn): Promise<{ key_id: string; texts: number }[]> {
  const { table, text } = namesOf(column);
  return db.$queryRaw`
    SELECT CASE WHEN ${text} ~ '^v1[.][A-Za-z0-9_-]{1,32}[.]' THEN split_part(${text}, '.', 2) ELSE ${NOT_SEALED} END AS key_id,
      count(*)::int AS texts
    FROM ${table} WHERE ${text} IS NOT NULL GROUP BY 1 ORDER BY 1`;
}

/** Tables that deliveries could be kept in, and the three statements of each delivery's life, of many at once. */
export interface Layout {
  name: string;
  tables: readonly string[];
  schema: string;
  /** Takes ids and the webhook of each. */
  insert: string;
  /** Take ids. */
  claim: string;
  record: string;
}

const IMMUTABLE = `
  id uuid PRIMARY KEY, number bigserial, organization_id uuid NOT NULL, event_id uuid NOT NULL, webhook_id uuid NOT NULL`;
const MUTABLE = `
  state delivery_state NOT NULL, series int NOT NULL DEFAULT 1, series_trigger attempt_trigger NOT NULL DEFAULT 'automatic',
  attempts_in_series int NOT NULL DEFAULT 0, attempts_total int NOT NULL DEFAULT 0, next_attempt_at timestamptz(3), queued_at timestamptz(3),
  lease_until timestamptz(3), relay_at timestamptz(3), last_response_status int, last_error text, delivered_at timestamptz(3),
  updated_at timestamptz(3) NOT NULL DEFAULT now(), faults int, parked_at timestamptz(3)`;

const SET_CLAIMED = `
  state = 'in_flight', attempts_in_series = attempts_in_series + 1, lease_until = now() + interval '10 s', relay_at = now() + interval '10 s',
  next_attempt_at = NULL, queued_at = NULL, updated_at = now() WHERE id = ANY ($1::uuid[]) AND state = 'pending'`;
const SET_RECORDED = `
  state = 'succeeded', attempts_total = attempts_total + 1, lease_until = NULL, relay_at = NULL, last_response_status = 200, delivered_at = now(),
  updated_at = now() WHERE id = ANY ($1::uuid[]) AND state = 'in_flight' RETURNING id`;

function listIndexes(table: string): string {
  return `
  CREATE INDEX ON ${table} (organization_id, id); CREATE INDEX ON ${table} (webhook_id, id);
  CREATE INDEX ON ${table} (event_id); CREATE INDEX ON ${table} (number);`;
}

function workIndexes(table: string): string {
  return `
  CREATE INDEX ON ${table} (relay_at) WHERE relay_at IS NOT NULL; CREATE INDEX ON ${table} (webhook_id, id) WHERE state = 'held';
  CREATE INDEX ON ${table} (webhook_id, number) WHERE parked_at IS NOT NULL;`;
}

/** As it is: all in one table. */
const ONE: Layout = {
  name: "one table",
  tables: ["layout_one"],
  schema: `CREATE TABLE layout_one (${IMMUTABLE}, ${MUTABLE}); ${listIndexes("layout_one")} ${workIndexes("layout_one")}`,
  insert: `/* prepared layout_one_insert */
    INSERT INTO layout_one (id, organization_id, event_id, webhook_id, state, next_attempt_at, queued_at, relay_at)
    SELECT id, id, id, webhook_id, 'pending', now(), now(), now() + interval '15 s' FROM unnest($1::uuid[], $2::uuid[]) AS t (id, webhook_id)`,
  claim: `/* prepared layout_one_claim */
    UPDATE layout_one SET ${SET_CLAIMED} RETURNING id, organization_id, event_id, webhook_id, series, attempts_in_series`,
  record: `/* prepared layout_one_record */ UPDATE layout_one SET ${SET_RECORDED}`,
};

/** What changes has a narrow table with its own few indexes, so that a change writes no entry into those of the lists. */
const TWO: Layout = {
  name: "two tables",
  tables: ["layout_two", "layout_progress"],
  schema: `CREATE TABLE layout_two (${IMMUTABLE}); ${listIndexes("layout_two")}
    CREATE TABLE layout_progress (id uuid PRIMARY KEY, number bigint NOT NULL, webhook_id uuid NOT NULL, ${MUTABLE});
    ${workIndexes("layout_progress")}`,
  insert: `/* prepared layout_two_insert */
    WITH made AS (
      INSERT INTO layout_two (id, organization_id, event_id, webhook_id)
      SELECT id, id, id, webhook_id FROM unnest($1::uuid[], $2::uuid[]) AS t (id, webhook_id)
      RETURNING id, number, webhook_id
    )
    INSERT INTO layout_progress (id, number, webhook_id, state, next_attempt_at, queued_at, relay_at)
    SELECT id, number, webhook_id, 'pending', now(), now(), now() + interval '15 s' FROM made`,
  claim: `/* prepared layout_two_claim */
    WITH claimed AS (UPDATE layout_progress SET ${SET_CLAIMED} RETURNING id, series, attempts_in_series)
    SELECT claimed.*, organization_id, event_id, webhook_id FROM claimed JOIN layout_two USING (id) WHERE id = ANY ($1::uuid[])`,
  record: `/* prepared layout_two_record */ UPDATE layout_progress SET ${SET_RECORDED}`,
};

export const LAYOUTS: readonly Layout[] = [ONE, TWO];

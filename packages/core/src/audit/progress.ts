import { Prisma } from "@homing/db/client";
import { BACKLOG_START } from "../deliveries/backlog.js";
import { type Invariant, LATE_MS } from "./invariant.js";

/** Longer than any deadline and the wait for a database that restarts, which a record may need. */
const ATTEMPT_MS_MAX = 120_000;

const LATE = Prisma.sql`now() - ${LATE_MS} * interval '1 millisecond'`;

/** Nothing is stuck: somebody looks at all that has not come to an end. */
export const PROGRESS_INVARIANTS: readonly Invariant[] = [
  {
    name: "unwatched",
    meaning: "unfinished, with no time at which anybody looks at it",
    findings: Prisma.sql`
      SELECT id FROM deliveries
      WHERE (state = 'pending' AND (next_attempt_at IS NULL OR (relay_at IS NULL AND parked_at IS NULL)))
        OR (state = 'in_flight' AND (lease_until IS NULL OR relay_at IS NULL))`,
  },
  {
    name: "lease_overdue",
    meaning: "in flight, its lease ran out over 60 s ago",
    findings: Prisma.sql`SELECT id FROM deliveries WHERE state = 'in_flight' AND lease_until < ${LATE}`,
  },
  {
    name: "attempt_endless",
    meaning: "in flight for over 120 s with one attempt",
    findings: Prisma.sql`
      SELECT id FROM deliveries
      WHERE state = 'in_flight' AND updated_at < now() - ${ATTEMPT_MS_MAX} * interval '1 millisecond'`,
  },
  {
    name: "relay_overdue",
    meaning: "the relay should have looked at it over 60 s ago",
    findings: Prisma.sql`
      SELECT id FROM deliveries
      WHERE state = 'pending' AND (relay_at < ${LATE} OR (relay_at > ${BACKLOG_START} AND next_attempt_at < ${LATE}))`,
  },
  {
    name: "line_unattended",
    meaning: "parked in a line that nobody pulls",
    findings: Prisma.sql`
      SELECT id FROM deliveries LEFT JOIN webhook_lines USING (webhook_id)
      WHERE deliveries.parked_at IS NOT NULL AND (pull_at IS NULL OR pull_at < ${LATE})`,
  },
  {
    name: "held_by_enabled",
    meaning: "held, though its webhook is not disabled and nothing is being released",
    findings: Prisma.sql`
      SELECT deliveries.id FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
      WHERE deliveries.state = 'held' AND webhooks.state <> 'disabled' AND releasing_until IS NULL`,
  },
  {
    name: "in_flight_to_stopped",
    meaning: "in flight, though its webhook was disabled or archived over 60 s ago",
    findings: Prisma.sql`
      SELECT deliveries.id FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
      WHERE deliveries.state = 'in_flight' AND webhooks.state <> 'enabled' AND coalesce(archived_at, disabled_at) < ${LATE}`,
  },
  {
    name: "without_webhook",
    meaning: "unfinished, and its webhook does not exist",
    findings: Prisma.sql`
      SELECT id FROM deliveries
      WHERE state IN ('pending', 'in_flight', 'held') AND NOT EXISTS (SELECT FROM webhooks WHERE webhooks.id = webhook_id)`,
  },
];

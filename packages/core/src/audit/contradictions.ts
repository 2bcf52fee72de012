import { Prisma } from "@homing/db/client";
import { FAULTS_MAX } from "../deliveries/move-due.js";
import type { Invariant } from "./invariant.js";

const HAS_SUCCESS = Prisma.sql`
  EXISTS (
    SELECT FROM attempts
    WHERE attempts.delivery_id = deliveries.id AND outcome = 'responded' AND response_status BETWEEN 200 AND 299
  )`;

/** What a delivery says of itself is what its attempts say of it. */
export const CONTRADICTION_INVARIANTS: readonly Invariant[] = [
  {
    name: "success_unproven",
    meaning: "succeeded, but no attempt was answered with 2xx",
    findings: Prisma.sql`SELECT id FROM deliveries WHERE state = 'succeeded' AND NOT ${HAS_SUCCESS}`,
  },
  {
    name: "delivered_at_wrong",
    meaning: "succeeded without a time, or a time without an attempt answered with 2xx",
    // A delivery that succeeded keeps its time when it is retried by hand and fails.
    findings: Prisma.sql`
      SELECT id FROM deliveries
      WHERE (state = 'succeeded' AND delivered_at IS NULL) OR (delivered_at IS NOT NULL AND NOT ${HAS_SUCCESS})`,
  },
  {
    name: "attempts_miscounted",
    meaning: "attempts_total is not the number of its attempts",
    findings: Prisma.sql`
      SELECT id FROM deliveries
      LEFT JOIN (SELECT delivery_id, count(*) AS made FROM attempts GROUP BY delivery_id) counted ON delivery_id = id
      WHERE attempts_total <> coalesce(made, 0)`,
  },
  {
    name: "number_ahead",
    meaning: "an attempt has a number or a series that its delivery has not come to",
    findings: Prisma.sql`
      SELECT DISTINCT deliveries.id FROM deliveries JOIN attempts ON attempts.delivery_id = deliveries.id
      WHERE attempts.series > deliveries.series
        OR (attempts.series = deliveries.series AND attempts.number > attempts_in_series)`,
  },
  {
    name: "failure_unexplained",
    meaning: "failed without a reason, or without an attempt or faults enough",
    findings: Prisma.sql`
      SELECT id FROM deliveries
      WHERE state = 'failed' AND (last_error IS NULL OR (attempts_total = 0 AND coalesce(faults, 0) < ${FAULTS_MAX}))`,
  },
  {
    name: "finished_but_due",
    meaning: "finished or held, with a time for a next attempt, a look or a lease",
    findings: Prisma.sql`
      SELECT id FROM deliveries
      WHERE state NOT IN ('pending', 'in_flight')
        AND (next_attempt_at IS NOT NULL OR relay_at IS NOT NULL OR lease_until IS NOT NULL OR parked_at IS NOT NULL)`,
  },
];

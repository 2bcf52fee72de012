import type { Transaction } from "@homing/db/client";
import type { Context } from "../context.js";
import { HINT_PATIENCE_MS } from "../deliveries/hint.js";
import { TRANSACTION_WAITS } from "../transaction-waits.js";
import { wakeLine } from "./line.js";
import { PROBE_PAUSE_MS } from "./take-heads.js";

/** Parked as the circuit opens; what is due beyond that is parked by its claim. */
const PARKED_AT_ONCE_MAX = 10_000;

/**
 * Leaves a failing webhook alone: what is due to it is parked in one go, what comes is parked as it comes, and its line lets one
 * delivery at a time through as a probe.
 * @returns whether it was closed until now
 */
export function openCircuit({ db }: Pick<Context, "db">, webhookId: string): Promise<boolean> {
  return db.$transaction(async (transaction) => {
    await lockLine(transaction, webhookId);
    const opened = await transaction.$executeRaw`
      UPDATE webhooks SET circuit = 'open', circuit_changed_at = now(), circuit_openings = circuit_openings + 1
      WHERE id = ${webhookId}::uuid AND circuit = 'closed' AND state = 'enabled'`;
    if (opened === 0) return false;
    await transaction.$executeRaw`
      WITH due AS MATERIALIZED (
        SELECT id FROM deliveries
        WHERE relay_at <= now() + ${HINT_PATIENCE_MS} * interval '1 millisecond' AND webhook_id = ${webhookId}::uuid
          AND state = 'pending' AND next_attempt_at <= now()
        LIMIT ${PARKED_AT_ONCE_MAX}
        FOR UPDATE SKIP LOCKED
      )
      UPDATE deliveries SET parked_at = now(), relay_at = NULL, queued_at = NULL
      WHERE id = ANY (ARRAY (SELECT id FROM due)) AND state = 'pending'`;
    await transaction.$executeRaw`
      INSERT INTO webhook_lines (webhook_id, pull_at, pause_ms, parked_at)
      VALUES (${webhookId}::uuid, now() + ${PROBE_PAUSE_MS.first} * interval '1 millisecond', ${PROBE_PAUSE_MS.first}, now())
      ON CONFLICT (webhook_id) DO UPDATE SET pull_at = excluded.pull_at, pause_ms = excluded.pause_ms`;
    return true;
  }, TRANSACTION_WAITS);
}

/** A probe failed: the next one follows after its pause. */
export async function reopenCircuit({ db }: Pick<Context, "db">, webhookId: string): Promise<void> {
  await db.$executeRaw`
    UPDATE webhooks SET circuit = 'open', circuit_changed_at = now() WHERE id = ${webhookId}::uuid AND circuit = 'half_open'`;
}

/**
 * An attempt succeeded: the webhook gets its deliveries again, those in its line first.
 * @returns whether it was open until now
 */
export function closeCircuit({ db }: Pick<Context, "db">, webhookId: string): Promise<boolean> {
  return db.$transaction(async (transaction) => {
    await lockLine(transaction, webhookId);
    const closed = await transaction.$executeRaw`
      UPDATE webhooks SET circuit = 'closed', circuit_changed_at = now()
      WHERE id = ${webhookId}::uuid AND circuit <> 'closed'`;
    if (closed === 0) return false;
    await wakeLine(transaction, webhookId);
    return true;
  }, TRANSACTION_WAITS);
}

/** The line before its webhook, as a pull does that finds the circuit open: so two that change it wait for each other, not in a ring. */
async function lockLine(transaction: Transaction, webhookId: string): Promise<void> {
  await transaction.$executeRaw`SELECT FROM webhook_lines WHERE webhook_id = ${webhookId}::uuid FOR UPDATE`;
}

import { KEEP_PLANS } from "@homing/db/prepared";
import type { Context, Hint } from "../context.js";
import { handOver } from "../deliveries/hint.js";
import { TRANSACTION_WAITS } from "../transaction-waits.js";
import { type LockedLine, type PulledLine, takeHeads } from "./take-heads.js";

/** Lines that one round looks after. */
const LINES_AT_ONCE_MAX = 200;
/** How many a line's round takes when nobody else pulls: enough to start the chain of pulls that follow each success. */
const WANTED_BY_ROUND = 2;

/** Take so many deliveries from a webhook's line, if its order, rate and circuit let them go. */
export interface PullRequest {
  webhookId: string;
  wanted: number;
}

/** What a pull took, and whether the line had nothing more. */
export interface Pulled {
  webhookId: string;
  deliveries: number;
  isEmpty: boolean;
}

/**
 * Takes deliveries from the head of their webhooks' lines and hands them to the queue.
 * @param options.isStart take nothing from a line of which the last delivery that was taken still waits for a worker
 * @returns one for each line there is
 */
export async function pullLines(
  context: Pick<Context, "db" | "enqueue" | "log">,
  requests: readonly PullRequest[],
  { isStart = false }: { isStart?: boolean } = {},
): Promise<Pulled[]> {
  const wanted = new Map<string, number>();
  for (const { webhookId, wanted: more } of requests) wanted.set(webhookId, (wanted.get(webhookId) ?? 0) + more);
  const pulled = await context.db.$transaction(async (transaction) => {
    // Locked by a statement of its own: what the next one sees is newer than whatever the last holder of the lock did.
    const locked = await transaction.$queryRaw<LockedLine[]>`
      SELECT webhook_id, ${KEEP_PLANS} FROM webhook_lines WHERE webhook_id = ANY (${[...wanted.keys()]}::uuid[])
      ORDER BY webhook_id FOR UPDATE`;
    return takeHeads(transaction, locked, {
      wanted: locked.map(({ webhook_id }) => wanted.get(webhook_id) ?? 0),
      isRound: false,
      isStart,
    });
  }, TRANSACTION_WAITS);
  return handOverLines(context, pulled);
}

/**
 * Looks after the lines whose pause is over, whoever parked there: those that nobody pulls from, probes, new periods of a rate.
 * @param options.linesMax at most 200; more than the worker can take would come back to their lines
 * @param options.among only of these webhooks; of any unless told
 */
export async function pullDueLines(
  context: Pick<Context, "db" | "enqueue" | "log">,
  { linesMax = LINES_AT_ONCE_MAX, among = null }: { linesMax?: number; among?: readonly string[] | null } = {},
): Promise<Pulled[]> {
  const pulled = await context.db.$transaction(async (transaction) => {
    const due = await transaction.$queryRaw<LockedLine[]>`
      SELECT webhook_id, ${KEEP_PLANS} FROM webhook_lines
      WHERE pull_at <= now() AND (${among === null} OR webhook_id = ANY (${[...(among ?? [])]}::uuid[]))
      ORDER BY pull_at LIMIT ${Math.min(linesMax, LINES_AT_ONCE_MAX)} FOR UPDATE SKIP LOCKED`;
    return takeHeads(transaction, due, { wanted: due.map(() => WANTED_BY_ROUND), isRound: true, isStart: false });
  }, TRANSACTION_WAITS);
  return handOverLines(context, pulled);
}

async function handOverLines(
  context: Pick<Context, "db" | "enqueue" | "log">,
  pulled: readonly PulledLine[],
): Promise<Pulled[]> {
  await handOver(context, pulled.flatMap(hintsOf));
  return pulled.map(({ webhook_id, is_empty, taken }) => ({
    webhookId: webhook_id,
    deliveries: taken.length,
    isEmpty: is_empty,
  }));
}

function hintsOf({ webhook_id, organization_id, taken }: PulledLine): Hint[] {
  return taken.map(({ id, series, attempts_in_series }) => ({
    deliveryId: id,
    organizationId: organization_id,
    webhookId: webhook_id,
    series,
    number: attempts_in_series + 1,
    delayMs: 0,
    isPulled: true,
  }));
}

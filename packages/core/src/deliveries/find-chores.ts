import type { Context } from "../context.js";
import { BACKLOG_START } from "./backlog.js";

/** What there is to look after at this moment, whoever does it. */
export interface Chores {
  /** Deliveries that wait for the relay. */
  relay: boolean;
  /** Webhooks of which held deliveries are being released. */
  releases: boolean;
  /** Lines whose pause is over. */
  lines: boolean;
}

/** One statement for all that a round may find: an idle system pays for no other. */
export async function findChores({ db }: Pick<Context, "db">): Promise<Chores> {
  const [chores] = await db.$queryRaw<Chores[]>`/* prepared find_chores */
    SELECT EXISTS (SELECT FROM deliveries WHERE relay_at <= now())
             OR EXISTS (SELECT FROM deliveries WHERE relay_at > ${BACKLOG_START}) AS relay,
           EXISTS (SELECT FROM webhooks WHERE releasing_until IS NOT NULL) AS releases,
           EXISTS (SELECT FROM webhook_lines WHERE pull_at <= now()) AS lines`;
  if (chores === undefined) throw new Error("the database told no chores");
  return chores;
}

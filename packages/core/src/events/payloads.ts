import type { Context } from "../context.js";

/** So many bytes of payloads are loaded at once, or a single payload. */
const BITE_BYTES_MAX = 1024 * 1024;

/** What knows how large its event's payload is, and has not loaded it. */
export interface Weighed {
  eventId: string;
  payloadBytes: number;
}

/** With the JSON text that was published. */
export type WithPayload<Item> = Item & { payload: string };

interface Loading<Item> {
  organizationId: string;
  items: readonly Item[];
}

/**
 * Gives the items of a list their events' payloads, in the list's order. They are loaded in bites as they are asked for, so that a list of
 * any length holds 1 MiB of payloads at a time. A payload never changes: those that come late fit those that came first.
 */
export async function* withPayloads<Item extends Weighed>(
  context: Pick<Context, "db">,
  { organizationId, items }: Loading<Item>,
): AsyncGenerator<WithPayload<Item>> {
  for (const bite of bitesOf(items)) yield* await load(context, { organizationId, items: bite });
}

/** Gives one item its event's payload. */
export async function withPayload<Item extends Weighed>(
  context: Pick<Context, "db">,
  { organizationId, item }: { organizationId: string; item: Item },
): Promise<WithPayload<Item>> {
  const [loaded] = await load(context, { organizationId, items: [item] });
  if (loaded === undefined) throw new Error("one item was loaded as none");
  return loaded;
}

async function load<Item extends Weighed>(
  { db }: Pick<Context, "db">,
  { organizationId, items }: Loading<Item>,
): Promise<WithPayload<Item>[]> {
  const id = { in: [...new Set(items.map(({ eventId }) => eventId))] };
  const rows = await db.event.findMany({ where: { id, organizationId }, select: { id: true, payload: true } });
  const payloads = new Map(rows.map((row) => [row.id, row.payload]));
  return items.map((item) => {
    const payload = payloads.get(item.eventId);
    if (payload === undefined) throw new Error("an event of a list is gone");
    return { ...item, payload };
  });
}

/** Cuts a list where the payloads of its next bite would grow beyond 1 MiB; items of one event share its payload. */
export function bitesOf<Item extends Weighed>(items: readonly Item[]): Item[][] {
  const bites: Item[][] = [];
  let bite: Item[] = [];
  let weighed = new Set<string>();
  let bytes = 0;
  for (const item of items) {
    if (!weighed.has(item.eventId) && bite.length > 0 && bytes + item.payloadBytes > BITE_BYTES_MAX) {
      bites.push(bite);
      bite = [];
      weighed = new Set();
      bytes = 0;
    }
    bite.push(item);
    bytes += weighed.has(item.eventId) ? 0 : item.payloadBytes;
    weighed.add(item.eventId);
  }
  return bite.length === 0 ? bites : [...bites, bite];
}

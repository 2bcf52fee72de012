import { createHmac } from "node:crypto";
import type { Context } from "@homing/core/context";
import { type RetryRequest, retryDeliveries } from "@homing/core/deliveries/retry";
import type { PublishRequest } from "@homing/core/events/event";
import { DELIVERIES_MAX } from "@homing/core/events/insert";
import { publishEvents, type PublishOutcome, StatementTooLargeError } from "@homing/core/events/publish";
import { mayBePlain, type PlainRequest, publishPlain } from "@homing/core/events/publish-plain";
import type { Backlog } from "@homing/core/shares/fair-queue";
import { isItemFault } from "@homing/db/faults";
import { createBatch } from "@homing/runtime/batch";
import { createSealer, type EncryptionKey } from "@homing/signature/sealing";
import { LRUCache } from "lru-cache";
import type { Recalled } from "./admit.js";
import type { ApiContext } from "./api-context.js";
import { createCursors } from "./cursor.js";
import { createFanOuts } from "./fan-outs.js";

const MIB = 1024 * 1024;
const REQUESTS_IN_BATCH_MAX = 500;
const REQUESTS_WAITING_MAX = 5_000;
const PUBLISH_BYTES = { inFlushMax: 8 * MIB, waitingMax: 64 * MIB };
/** A flush of so many takes a tenth of a second or so, and holds their rows for as long. */
const RETRIED_DELIVERIES = { inFlushMax: 1_000, waitingMax: 20_000 };
/** What an event counts for at least: its row and its deliveries cost, however small its payload. So a flush has at most 512 of them. */
const EVENT_BYTES_MIN = 16 * 1024;
/** What a delivery counts for, so that a flush has no more than a statement may make. */
const DELIVERY_BYTES = Math.ceil(PUBLISH_BYTES.inFlushMax / DELIVERIES_MAX);
/** An organization whose publish was not plain is taken to be so for a while: it has a quota, a line, more than the queue has room for, or had such company. */
const NOT_PLAIN_MS = 10_000;
const ORGANIZATIONS_MAX = 10_000;
const BATCH = { itemsMax: REQUESTS_IN_BATCH_MAX, waitingMax: REQUESTS_WAITING_MAX, isItemFault };

/** What the context is made of. */
export interface ContextParts extends Pick<Context, "db" | "log" | "enqueue" | "checkUrl"> {
  /** At least one; the first also signs cursors, so all API processes share it. */
  keys: readonly [EncryptionKey, ...EncryptionKey[]];
  /** Who hands nothing over while the queue is full. */
  backlog?: Backlog;
}

/** The context of the routes' handlers; dials nothing. */
export function createContext({ db, log, enqueue, checkUrl, keys, backlog }: ContextParts): ApiContext {
  const handing = { db, log, enqueue };
  return {
    ...handing,
    checkUrl,
    sealer: createSealer(keys),
    cursors: createCursors(cursorSecret(keys[0])),
    publish: createPublishes(handing, backlog),
    retry: createRetries(handing),
  };
}

/** What is plain goes by a statement that can do nothing else; what turns out not to be goes by the general one, as all else does. */
function createPublishes(handing: Pick<Context, "db" | "log" | "enqueue">, backlog?: Backlog): ApiContext["publish"] {
  const fanOuts = createFanOuts();
  const notPlain = new LRUCache<string, true>({ max: ORGANIZATIONS_MAX, ttl: NOT_PLAIN_MS });
  const weight = {
    of: (request: PublishRequest) => requestBytes(request, fanOuts.of(request.organizationId)),
    ...PUBLISH_BYTES,
  };
  /** What a flush went to says what the next ones will cost. */
  const learning =
    <Request extends PublishRequest, Outcome extends PublishOutcome | null>(
      publish: (context: typeof handing, requests: Request[], backlog?: Backlog) => Promise<Outcome[]>,
    ) =>
    async (requests: Request[]): Promise<Outcome[]> => {
      const outcomes = await publish(handing, requests, backlog);
      fanOuts.learn(requests, outcomes);
      return outcomes;
    };
  const confirming = new Set<Promise<void>>();
  async function confirm(recalled: Recalled): Promise<void> {
    const asked = recalled.confirm();
    confirming.add(asked);
    try {
      await asked;
    } finally {
      confirming.delete(asked);
    }
  }
  const plain = createBatch({ flush: learning(publishPlain), weight, ...BATCH });
  const general = createBatch({
    flush: learning(publishEvents),
    weight,
    ...BATCH,
    isItemFault: (error, halvings) => error instanceof StatementTooLargeError || isItemFault(error, halvings),
  });
  return {
    async add(request, recalled) {
      const { organizationId } = request;
      const isPlain = mayBePlain(request) && !notPlain.has(organizationId);
      const outcome = isPlain ? await plain.add(withKey(request, recalled)) : null;
      if (outcome !== null) return outcome;
      if (recalled !== null) await confirm(recalled);
      if (isPlain) notPlain.set(organizationId, true);
      return general.add(request);
    },
    // What is not plain goes on to the general ones.
    async idle() {
      await plain.idle();
      await Promise.allSettled(confirming);
      await general.idle();
    },
  };
}

function withKey({ organizationId, events }: PublishRequest, recalled: Recalled | null): PlainRequest {
  return { organizationId, events, apiKeyId: recalled === null ? null : recalled.caller.apiKeyId };
}

/** A request of many deliveries waits in a lane of its own, so that however many there are of these, one of a single delivery goes at once. */
function createRetries(handing: Pick<Context, "db" | "log" | "enqueue">): ApiContext["retry"] {
  const flush = (requests: RetryRequest[]) => retryDeliveries(handing, requests);
  const single = createBatch({ flush, ...BATCH });
  const many = createBatch({
    flush,
    weight: { of: ({ deliveryIds }: RetryRequest) => deliveryIds.length, ...RETRIED_DELIVERIES },
    ...BATCH,
  });
  return {
    add: (request) => (request.deliveryIds.length > 1 ? many : single).add(request),
    idle: async () => void (await Promise.all([single.idle(), many.idle()])),
  };
}

/** Text length stands for its bytes: an estimate that costs nothing. */
function requestBytes({ events }: PublishRequest, fanOut: number): number {
  const eventBytesMin = Math.max(EVENT_BYTES_MIN, fanOut * DELIVERY_BYTES);
  return events.reduce((bytes, { payload }) => bytes + Math.max(payload.length, eventBytesMin), 0);
}

function cursorSecret({ key }: EncryptionKey): Buffer {
  return createHmac("sha256", key).update("homing cursors").digest();
}

import { isItemFault } from "@homing/db/faults";

/** Of every statement that concurrent attempts share: more may wait than a worker's concurrency can ever ask for. */
export const WORKER_BATCH = { itemsMax: 200, waitingMax: 100_000, isItemFault };

import { randomUUID } from "node:crypto";
import type { QueueConnectionOptions } from "../src/connection.js";
import type { DeliveryHint } from "../src/delivery-job.js";
import { createDeliveryQueue, type DeliveryQueue, type NewJob } from "../src/queue.js";
import type { ProcessHint } from "../src/processor.js";
import { createDeliveryWorker, type DeliveryWorker } from "../src/worker.js";

/** Both ends of queues under test, and what they reported. `close` closes whatever was opened. */
export interface Ends {
  errors: Error[];
  failures: { jobId: string; data: unknown; error: Error }[];
  queue(options: QueueConnectionOptions): Promise<DeliveryQueue>;
  worker(options: QueueConnectionOptions, process: ProcessHint, concurrency?: number): Promise<DeliveryWorker>;
  close(): Promise<void>;
}

export function createEnds(): Ends {
  const opened: (() => Promise<void>)[] = [];
  const errors: Error[] = [];
  const failures: Ends["failures"] = [];
  const onError = (error: Error) => void errors.push(error);
  return {
    errors,
    failures,
    async queue(options) {
      const queue = await createDeliveryQueue({ ...options, onError });
      opened.push(() => queue.close());
      return queue;
    },
    async worker(options, process, concurrency = 10) {
      const onFailed = (failure: Ends["failures"][number]) => void failures.push(failure);
      const worker = createDeliveryWorker({ ...options, concurrency, process, onError, onFailed });
      opened.push(() => worker.closeNow());
      await worker.start();
      return worker;
    },
    async close() {
      for (const close of opened.splice(0).toReversed()) await close();
    },
  };
}

export function hint(changes: Partial<DeliveryHint> = {}): DeliveryHint {
  return { deliveryId: randomUUID(), webhookId: randomUUID(), series: 1, number: 1, ...changes };
}

/** A job of one hint, for now unless told. */
export function jobOf(one: DeliveryHint, order: Partial<Pick<NewJob, "delayMs" | "priority">> = {}): NewJob {
  return { hints: [one], delayMs: 0, ...order };
}

/** A door that jobs wait at until the test opens it. */
export function gate(): { passed: Promise<void>; open: () => void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

import type { Installation } from "./installation.js";
import { type TcpGate, startTcpGate } from "./tcp-gate.js";

const HELD_MS_MAX = 9_000;

/** A worker whose jobs can be kept from finishing, so that they stay active while Postgres moves on. */
export interface HoldableWorker {
  /** Runs `work` while the delivery's job, which the worker has under way, cannot leave the active ones. */
  whileActive(deliveryId: string, work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Starts a worker that reaches Redis through a gate; on Postgres the job's own row is locked. */
export async function startHoldableWorker(installation: Installation): Promise<HoldableWorker> {
  const { redis } = installation;
  if (redis === null) {
    await installation.startWorker();
    return {
      whileActive: (deliveryId, work) => whileRowLocked(installation, deliveryId, work),
      close: () => Promise.resolve(),
    };
  }
  const gate = await startTcpGate(redis.port);
  await installation.startWorker({ REDIS_URL: `redis://127.0.0.1:${gate.port}` });
  return { whileActive: (_deliveryId, work) => whileShut(gate, work), close: () => gate.close() };
}

async function whileShut(gate: TcpGate, work: () => Promise<void>): Promise<void> {
  gate.shut();
  try {
    await work();
  } finally {
    gate.open();
  }
}

async function whileRowLocked({ db }: Installation, deliveryId: string, work: () => Promise<void>): Promise<void> {
  await db.$transaction(
    async (transaction) => {
      await transaction.$queryRaw`SELECT id FROM bullmq.job WHERE data #>> '{hints,0,deliveryId}' = ${deliveryId} FOR UPDATE`;
      await work();
    },
    { timeout: HELD_MS_MAX },
  );
}

import type { Context } from "@homing/core/context";
import { maintain } from "@homing/core/maintenance";
import { type Loop, startLoop } from "./loop.js";

const PAUSE_MS = 60 * 60 * 1000;

/** Looks after partitions and forgotten keys, once at the start and then every hour; any number of workers may do it. */
export function startMaintenance(context: Pick<Context, "db" | "log">, { retentionMs }: { retentionMs: number }): Loop {
  return startLoop({
    name: "maintenance",
    pauseMs: PAUSE_MS,
    log: context.log,
    async round() {
      const report = await maintain(context, { nowMs: Date.now(), retentionMs });
      context.log.info(
        {
          partitions_made: report.partitionsMade,
          partitions_dropped: report.partitionsDropped,
          idempotency_keys_forgotten: report.idempotencyKeysForgotten,
        },
        "maintenance.done",
      );
    },
  });
}

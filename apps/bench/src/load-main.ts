import { runLoad } from "./load.js";
import type { LoadMessage, LoadOrder } from "./load-process.js";

const stops = new Map<string, AbortController>();

async function run(load: Extract<LoadOrder, { kind: "start" }>["load"]): Promise<void> {
  const stop = new AbortController();
  stops.set(load.phase, stop);
  const message: LoadMessage = { phase: load.phase, streams: await runLoad(load, stop.signal) };
  process.send?.(message);
}

process.on("message", (order: LoadOrder) => {
  if (order.kind === "start") void run(order.load);
  else stops.get(order.phase)?.abort();
});
// The runner is gone, however it went.
process.once("disconnect", () => process.exit(0));

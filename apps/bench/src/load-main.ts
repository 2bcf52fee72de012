import { type Hammer, hammer } from "./hammer.js";
import { runLoad } from "./load.js";
import type { LoadMessage, LoadOrder } from "./load-process.js";

const stops = new Map<string, AbortController>();

async function run(load: Extract<LoadOrder, { kind: "start" }>["load"]): Promise<void> {
  const stop = new AbortController();
  stops.set(load.phase, stop);
  const message: LoadMessage = { kind: "loaded", phase: load.phase, streams: await runLoad(load, stop.signal) };
  process.send?.(message);
}

async function runHammer(name: string, settings: Hammer): Promise<void> {
  const message: LoadMessage = { kind: "hammered", name, result: await hammer(settings) };
  process.send?.(message);
}

process.on("message", (order: LoadOrder) => {
  switch (order.kind) {
    case "start":
      return void run(order.load);
    case "hammer":
      return void runHammer(order.name, order.hammer);
    case "stop":
      return stops.get(order.phase)?.abort();
    default:
      return order satisfies never;
  }
});
// The runner is gone, however it went.
process.once("disconnect", () => process.exit(0));

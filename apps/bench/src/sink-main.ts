import type { Arrival } from "./arrival.js";
import { createSink } from "./sink.js";
import type { SinkMessage, SinkOrder } from "./sink-process.js";

const TELL_PAUSE_MS = 50;

let untold: Arrival[] = [];
const sink = createSink((arrival) => untold.push(arrival));

function say(message: SinkMessage): void {
  process.send?.(message);
}

process.on("message", ({ kind, webhooks }: SinkOrder) => {
  if (kind === "heal") sink.heal(webhooks);
});
// The runner is gone, however it went.
process.once("disconnect", () => process.exit(0));
setInterval(() => {
  if (untold.length === 0) return;
  say({ kind: "arrivals", arrivals: untold });
  untold = [];
}, TELL_PAUSE_MS);
sink.server.listen(0, "127.0.0.1", () => {
  const address = sink.server.address();
  if (typeof address === "object" && address !== null) say({ kind: "listening", port: address.port });
});

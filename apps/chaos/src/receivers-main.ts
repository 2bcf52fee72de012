import { createWriteStream } from "node:fs";
import { createRandom } from "./random.js";
import { createReceivers } from "./receivers.js";
import type { Order, RequestRecord } from "./request-record.js";

const [seed = "", logFile = ""] = process.argv.slice(2);
const log = createWriteStream(logFile, { flags: "a" });
const receivers = createReceivers({
  random: createRandom(Number(seed), "receivers"),
  write: (record: RequestRecord) => log.write(`${JSON.stringify(record)}\n`),
});

function obey(order: Order): void {
  switch (order.kind) {
    case "secrets":
      receivers.setSecrets(order.secrets);
      return;
    case "turn":
      receivers.turn(order);
      return;
    case "finish":
      receivers.close();
      log.end(() => process.exit(0));
      return;
    default:
      order satisfies never;
  }
}

process.on("message", obey);
// The runner is gone, however it died.
process.once("disconnect", () => process.exit(1));
receivers.server.listen(0, "127.0.0.1", () => {
  const address = receivers.server.address();
  if (typeof address === "object") process.send?.(String(address?.port));
});

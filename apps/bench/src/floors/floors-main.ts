import { createDatabase } from "@homing/db/client";
import { ownEnv } from "../config.js";
import { countInserts, countJobs, countRequests } from "./floors.js";
import type { FloorMessage, FloorOrder } from "./floors-process.js";

const { databaseUrl, redisUrl } = ownEnv();

async function run(order: FloorOrder): Promise<number> {
  switch (order.kind) {
    case "jobs":
      return countJobs(redisUrl, order.count);
    case "requests":
      return countRequests(order.url, order.count);
    case "inserts":
      return countInserts(
        createDatabase({ url: databaseUrl, connectionsMax: 1, applicationName: "floors" }),
        order.count,
      );
    default:
      return order satisfies never;
  }
}

process.on("message", (order: FloorOrder) => {
  void run(order).then((perSecond) => {
    const message: FloorMessage = { kind: order.kind, perSecond };
    process.send?.(message);
  });
});
// The runner is gone, however it went.
process.once("disconnect", () => process.exit(0));

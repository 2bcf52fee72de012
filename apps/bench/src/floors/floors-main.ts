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
  const tell = (outcome: FloorMessage["outcome"]): void => {
    const message: FloorMessage = { kind: order.kind, outcome };
    process.send?.(message);
  };
  run(order).then(
    (perSecond) => tell({ perSecond }),
    (error: unknown) => tell({ failure: String(error) }),
  );
});
// The runner is gone, however it went.
process.once("disconnect", () => process.exit(0));

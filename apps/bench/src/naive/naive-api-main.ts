import { createHash } from "node:crypto";
import { createDatabase } from "@homing/db/client";
import express, { type Request, type Response } from "express";
import { v7 as uuidv7 } from "uuid";
import { ownEnv } from "../config.js";
import { CONNECTIONS_MAX, openNaiveQueue } from "./naive-queue.js";

// The publish that one would write first: a statement for each row, a queue command for each job.
const FAR_AHEAD_MS = 24 * 60 * 60 * 1000;

const { port, databaseUrl, redisUrl } = ownEnv();
const db = createDatabase({ url: databaseUrl, connectionsMax: CONNECTIONS_MAX, applicationName: "naive-api" });
const queue = openNaiveQueue(redisUrl);

async function publish(req: Request, res: Response): Promise<void> {
  const key = String(req.headers.authorization).slice("Bearer ".length);
  const keyHash = createHash("sha256").update(key).digest("hex");
  const caller = await db.apiKey.findUnique({ where: { keyHash } });
  if (caller === null) return void res.status(401).json({ code: "unauthenticated" });
  const { organizationId } = caller;
  const { type, payload }: { type: string; payload: unknown } = req.body;
  const webhooks = await db.webhook.findMany({
    where: { organizationId, state: "enabled", OR: [{ eventTypes: { has: type } }, { eventTypes: { isEmpty: true } }] },
  });
  const id = uuidv7();
  const now = new Date();
  const [event, ...deliveries] = await db.$transaction([
    db.event.create({
      data: {
        id,
        organizationId,
        type,
        payload: JSON.stringify(payload),
        occurredAt: now,
        matchedWebhooks: webhooks.length,
      },
    }),
    ...webhooks.map((webhook) =>
      db.delivery.create({
        // Out of the relay's sight.
        data: {
          organizationId,
          eventId: id,
          webhookId: webhook.id,
          state: "pending",
          nextAttemptAt: now,
          relayAt: new Date(now.getTime() + FAR_AHEAD_MS),
        },
      }),
    ),
  ]);
  for (const { id: deliveryId } of deliveries) await queue.add("attempt", { deliveryId });
  res.status(202).json({ id: event.id, matched_webhooks: event.matchedWebhooks });
}

const app = express();
// As Homing has it.
app.disable("etag");
app.disable("x-powered-by");
app.get("/readyz", (_req, res) => void res.end());
app.use(express.json({ limit: "1mb" }));
app.post("/v1/events", (req, res) => publish(req, res));
app.listen(port, "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));

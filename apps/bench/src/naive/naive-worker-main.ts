import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { createDatabase } from "@homing/db/client";
import { Worker } from "bullmq";
import got from "got";
import { v7 as uuidv7 } from "uuid";
import { ownEnv } from "../config.js";
import { CONNECTIONS_MAX, connect, NAIVE_PREFIX, NAIVE_QUEUE, type NaiveJob } from "./naive-queue.js";

// The delivery that one would write first: find, mark, send, and a transaction for the record.

// Twice as many make it no faster.
const CONCURRENCY = 100;
const LEASE_MS = 60_000;
const TIMEOUT_MS = 15_000;
const SECRET = "whsec_naive";

const { port, databaseUrl, redisUrl } = ownEnv();
const db = createDatabase({ url: databaseUrl, connectionsMax: CONNECTIONS_MAX, applicationName: "naive-worker" });

async function deliver({ deliveryId }: NaiveJob): Promise<void> {
  const delivery = await db.delivery.findUniqueOrThrow({ where: { id: deliveryId } });
  const leaseUntil = new Date(Date.now() + LEASE_MS);
  const claimed = await db.delivery.updateMany({
    where: { id: deliveryId, state: "pending" },
    data: { state: "in_flight", attemptsInSeries: { increment: 1 }, leaseUntil, relayAt: leaseUntil },
  });
  if (claimed.count === 0) return;
  const event = await db.event.findUniqueOrThrow({ where: { id: delivery.eventId } });
  const webhook = await db.webhook.findUniqueOrThrow({
    where: { id: delivery.webhookId },
    include: { secrets: true },
  });
  const headers = sign(event);
  const startedAtMs = performance.now();
  const response = await got.post(webhook.url, {
    body: event.payload,
    headers: { ...headers, "homing-delivery-id": deliveryId },
    throwHttpErrors: false,
    followRedirect: false,
    retry: { limit: 0 },
    timeout: { request: TIMEOUT_MS },
  });
  const isSuccess = response.statusCode >= 200 && response.statusCode < 300;
  await db.$transaction([
    db.attempt.create({
      data: {
        id: uuidv7(),
        deliveryId,
        series: 1,
        number: 1,
        trigger: "automatic",
        outcome: "responded",
        responseStatus: response.statusCode,
        responseHeaders: response.headers,
        responseBody: response.body,
        requestHeaders: headers,
        durationMs: Math.round(performance.now() - startedAtMs),
      },
    }),
    db.delivery.update({
      where: { id: deliveryId },
      data: {
        state: isSuccess ? "succeeded" : "failed",
        attemptsTotal: { increment: 1 },
        nextAttemptAt: null,
        leaseUntil: null,
        relayAt: null,
        lastResponseStatus: response.statusCode,
        deliveredAt: new Date(),
      },
    }),
  ]);
}

function sign({ id, payload, type }: { id: string; payload: string; type: string }): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", SECRET).update(`${id}.${timestamp}.${payload}`).digest("base64");
  return {
    "content-type": "application/json",
    "user-agent": "Naive/0.1",
    "homing-event-type": type,
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
}

const worker = new Worker<NaiveJob>(NAIVE_QUEUE, (job) => deliver(job.data), {
  connection: connect(redisUrl),
  prefix: NAIVE_PREFIX,
  concurrency: CONCURRENCY,
});
worker.on("error", (error) => process.stderr.write(`${error.message}\n`));
createServer((_req, res) => res.end()).listen(port, "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));

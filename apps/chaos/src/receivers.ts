import { createHash } from "node:crypto";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { answerIll, answerWell } from "./answers.js";
import { type Illness, LANES } from "./lanes.js";
import type { Random } from "./random.js";
import type { RequestRecord } from "./request-record.js";
import { isSignedBy } from "./signature.js";

const CHECKED_EACH = 10;

export interface Receivers {
  server: Server;
  setSecrets(secrets: Record<string, string>): void;
  turn(order: { webhook: string; isIll: boolean }): void;
  /** Cuts off what is under way; each request is written to the log all the same. */
  close(): void;
}

/** Receivers of all webhooks, told apart by path; those that never get well are ill from the start. */
export function createReceivers(options: { random: Random; write: (record: RequestRecord) => void }): Receivers {
  const { random, write } = options;
  const illnesses = new Map(LANES.map(({ name, illness }) => [name, illness]));
  const ill = new Set(LANES.filter(({ heals }) => !heals).map(({ name }) => name));
  const underWay = new Set<() => void>();
  let secrets: Record<string, string> = {};
  let count = 0;

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const webhook = (request.url ?? "").slice(1);
    const record = { ...begin(request, body), webhook, signature: check(webhook, request, body) };
    const finish = (): void => {
      if (!underWay.delete(finish)) return;
      const status = response.headersSent ? response.statusCode : null;
      write({ ...record, endedMs: Date.now(), status, isComplete: response.writableFinished });
    };
    underWay.add(finish);
    response.once("finish", finish).once("close", finish);
    if (response.destroyed) finish();
    const illness: Illness | null = (ill.has(webhook) ? illnesses.get(webhook) : null) ?? null;
    if (illness === null) answerWell(response, random);
    else answerIll(response, illness, random);
  }

  function check(webhook: string, request: IncomingMessage, body: Buffer): RequestRecord["signature"] {
    const secret = secrets[webhook];
    count += 1;
    if (secret === undefined || count % CHECKED_EACH !== 0) return "unchecked";
    return isSignedBy(secret, request.headers, body) ? "valid" : "invalid";
  }

  const server = createServer((request, response) => {
    // The sender went away before its request was whole: nothing was received.
    receive(request, response).catch(() => response.destroy());
  });
  return {
    server,
    setSecrets: (next) => (secrets = next),
    turn: ({ webhook, isIll }) => void (isIll ? ill.add(webhook) : ill.delete(webhook)),
    close() {
      for (const finish of underWay) finish();
      server.close();
      server.closeAllConnections();
    },
  };
}

function begin(
  { headers }: IncomingMessage,
  body: Buffer,
): Pick<RequestRecord, "eventId" | "deliveryId" | "timestamp" | "receivedMs" | "bodyHash"> {
  return {
    eventId: String(headers["webhook-id"] ?? ""),
    deliveryId: String(headers["homing-delivery-id"] ?? ""),
    timestamp: String(headers["webhook-timestamp"] ?? ""),
    receivedMs: Date.now(),
    bodyHash: createHash("sha256").update(body).digest("hex"),
  };
}

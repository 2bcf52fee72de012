import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { describeRequest } from "./describe-request.js";
import { verifySignature } from "./verify-signature.js";

const BODY_BYTES_MAX = 1024 * 1024;
// Of the ids whose requests are counted; the oldest is forgotten beyond.
const WEBHOOK_IDS_MAX = 10_000;

export interface ReceiverOptions {
  /** Any one of them may have signed; empty: signatures are not checked. */
  secrets: string[];
  /** Always answered; undefined: 200. */
  status: number | undefined;
  delayMs: number;
  /** So many requests of each webhook-id are answered 500 first. */
  failFirst: number;
}

/** An HTTP server, not yet listening, that prints each request and answers as told. */
export function createReceiver(options: ReceiverOptions, print: (text: string) => void): Server {
  const seen = new Map<string, number>();
  let count = 0;

  function nextStatus(webhookId: string | null): number {
    const id = webhookId ?? "";
    const before = seen.get(id) ?? 0;
    seen.delete(id);
    seen.set(id, before + 1);
    for (const oldest of seen.keys()) {
      if (seen.size <= WEBHOOK_IDS_MAX) break;
      seen.delete(oldest);
    }
    return before < options.failFirst ? 500 : (options.status ?? 200);
  }

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { body, isBodyCut } = await readBody(request);
    const { method = "", url: path = "", headers } = request;
    const webhookId = [headers["webhook-id"]].flat()[0] ?? null;
    const verdict = verifySignature(options.secrets, headers, body);
    const status = nextStatus(webhookId);
    count += 1;
    print(describeRequest({ count, at: new Date(), method, path, webhookId, body, isBodyCut, verdict, status }));
    if (options.delayMs > 0) await sleep(options.delayMs, undefined, { ref: false });
    response.writeHead(status, { "content-type": "text/plain" }).end(`${status}\n`);
  }

  return createServer((request, response) => {
    receive(request, response).catch((error: unknown) => {
      response.destroy();
      print(`a request broke off: ${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
}

// What is too long is read to its end, so that the sender gets its answer, but not kept.
function readBody(request: IncomingMessage): Promise<{ body: Buffer; isBodyCut: boolean }> {
  const chunks: Buffer[] = [];
  let keptBytes = 0;
  let isBodyCut = false;
  request.on("data", (chunk: Buffer) => {
    const kept = chunk.subarray(0, BODY_BYTES_MAX - keptBytes);
    if (kept.length > 0) chunks.push(kept);
    keptBytes += kept.length;
    isBodyCut ||= kept.length < chunk.length;
  });
  return new Promise((resolve, reject) => {
    request.once("error", reject);
    request.once("end", () => resolve({ body: Buffer.concat(chunks), isBodyCut }));
  });
}

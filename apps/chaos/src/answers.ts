import type { ServerResponse } from "node:http";
import type { Illness } from "./lanes.js";
import type { Random } from "./random.js";

// Long enough that a kill always finds some in flight.
const WELL_MS = { min: 20, max: 250 };
const DRIP_MS = 100;
const DRIP_BYTES = 600;
const CHUNK = Buffer.alloc(16 * 1024, "chaos ");
const STATUSES = [500, 429, 503, 404, 302] as const;
const RETRY_AFTER_SECONDS = "1";

/** 200 after a moment. */
export function answerWell(response: ServerResponse, random: Random): void {
  setTimeout(() => response.end("ok"), random.between(WELL_MS.min, WELL_MS.max));
}

/** Misbehaves in one way. */
export function answerIll(response: ServerResponse, illness: Illness, random: Random): void {
  switch (illness) {
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "hang":
      return;
    case "half_header":
      response.socket?.write("HTTP/1.1 200 OK\r\nContent-Le");
      return;
    case "stream":
      stream(response);
      return;
    case "drip":
      drip(response);
      return;
    case "statuses":
      answerStatus(response, random.pick(STATUSES));
      return;
    case "refusal":
      answerStatus(response, 500);
      return;
    default:
      illness satisfies never;
  }
}

function answerStatus(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 429 ? { "retry-after": RETRY_AFTER_SECONDS } : {}).end(String(status));
}

function stream(response: ServerResponse): void {
  const write = (): void => {
    while (!response.destroyed && response.write(CHUNK));
  };
  response.on("drain", write);
  write();
}

function drip(response: ServerResponse): void {
  response.writeHead(200, { "content-length": DRIP_BYTES });
  const timer = setInterval(() => response.write("."), DRIP_MS);
  response.once("close", () => clearInterval(timer));
}

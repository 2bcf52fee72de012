import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "./wait-for.js";

const HOST = "127.0.0.1";

export interface ReceivedRequest {
  method: string;
  /** With the query, as it came. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** When the body was complete. */
  at: Date;
}

export interface ReceiverAnswer {
  /** 200 by default. */
  status?: number;
  body?: string | Buffer;
  headers?: Record<string, string>;
  delayMs?: number;
  /** Closes the connection instead of answering. */
  destroy?: boolean;
}

/** @param count which request this is, from 1 */
export type ReceiverHandler = (request: ReceivedRequest, count: number) => ReceiverAnswer | Promise<ReceiverAnswer>;

export interface TestReceiver {
  url: string;
  port: number;
  /** Every request whose body arrived whole, in order; recorded before it is answered. */
  requests: ReceivedRequest[];
  /** Replaces the handler from the next request on. */
  answerWith(handler: ReceiverHandler): void;
  /** @throws when fewer than so many came in time (10 s by default) */
  waitForRequests(count: number, timeoutMs?: number): Promise<ReceivedRequest[]>;
  /** Also ends open connections. */
  close(): Promise<void>;
}

/** A real HTTP receiver on loopback for tests; answers 200 without a body unless told otherwise. */
export async function startReceiver(handler: ReceiverHandler = () => ({})): Promise<TestReceiver> {
  const requests: ReceivedRequest[] = [];
  let answerTo = handler;

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "", headers } = request;
    const received = { method, path, headers, body: await buffer(request), at: new Date() };
    requests.push(received);
    await answer(response, await answerTo(received, requests.length));
  }

  const server = createServer((request, response) => {
    // The sender gave up, or the handler threw: either way nobody is answered.
    receive(request, response).catch(() => response.destroy());
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("a TCP server has no port"));
      else resolve(address.port);
    });
  });

  return {
    url: `http://${HOST}:${port}/`,
    port,
    requests,
    answerWith(next) {
      answerTo = next;
    },
    waitForRequests(count, timeoutMs) {
      const options = { what: `${count} requests at the receiver`, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
      return waitFor(() => (requests.length >= count ? requests.slice(0, count) : null), options);
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  response: ServerResponse,
  { status, body, headers, delayMs, destroy }: ReceiverAnswer,
): Promise<void> {
  if (delayMs !== undefined) await sleep(delayMs, undefined, { ref: false });
  if (destroy) {
    response.destroy();
    return;
  }
  response.writeHead(status ?? 200, headers);
  response.end(body);
}

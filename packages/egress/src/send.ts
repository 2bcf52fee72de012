import type { ClientRequest } from "node:http";
import got, { type Got } from "got";
import type { AddressPolicy } from "./address-policy.js";
import { createCheckedAgents } from "./checked-agents.js";
import { describeFailure, type SendFailure } from "./failure.js";
import { type Lookup, systemLookup } from "./lookup.js";
import { requestHeaders } from "./request-headers.js";
import { createResponseRecord, type ReceivedResponse } from "./response-record.js";

const CONNECTIONS_MAX = 1000;
/** Status line and headers together; beyond it the outcome is `too_large`. */
const RESPONSE_HEAD_BYTES_MAX = 16_384;

export interface SendRequest {
  url: string;
  /** Sent as given, but for those of `isReservedHeader`, which are left out. */
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** One deadline for name, connection, request and response. */
  timeoutMs: number;
  signal?: AbortSignal;
}

export type SendResult =
  | ({ outcome: "responded"; durationMs: number } & ReceivedResponse)
  | ({ outcome: SendFailure; error: string; durationMs: number } & Partial<ReceivedResponse>);

export interface SendOptions {
  policy: AddressPolicy;
  userAgent: string;
  /** Beyond this many open connections none is kept for reuse (1000). How many are in use is the caller's limit. */
  connectionsMax?: number;
  /** The system's resolver unless given. */
  lookup?: Lookup;
  /** PEM of the only authorities to trust, for receivers in a private network. */
  certificateAuthority?: string;
}

export interface Sender {
  /**
   * One POST, never repeated and never redirected. Resolves whatever the network or the receiver does: any status is
   * `responded`, also when reading stopped at 64 KiB of body; a failure after the response began carries what had arrived.
   */
  send: (request: SendRequest) => Promise<SendResult>;
  /** Closes every connection; a request under way ends as `reset`. */
  close: () => void;
}

/** Builds the one door through which requests leave: got's stream over agents that check each address they dial. */
export function createSend(options: SendOptions): Sender {
  const agents = createCheckedAgents({ connectionsMax: CONNECTIONS_MAX, lookup: systemLookup, ...options });
  const client = got.extend({
    agent: agents,
    method: "POST",
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
    strictContentLength: true,
    maxHeaderSize: RESPONSE_HEAD_BYTES_MAX,
  });
  return {
    send: (request) => exchange(client, request, options.userAgent),
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

type Ending = { outcome: "responded" } | { outcome: SendFailure; error: string };

function exchange(client: Got, request: SendRequest, userAgent: string): Promise<SendResult> {
  const { signal, timeoutMs } = request;
  const startedAtMs = performance.now();
  const record = createResponseRecord();

  return new Promise((resolve) => {
    const stream = client.stream(request.url, {
      headers: requestHeaders(request.headers, userAgent),
      body: Buffer.from(request.body),
    });
    const deadline = setTimeout(() => {
      finish({ outcome: "timeout", error: `no complete response within ${timeoutMs} ms` });
    }, timeoutMs);
    const abort = (): void => finish({ outcome: "aborted", error: "stopped by the sender" });
    let isFinished = false;

    function finish(ending: Ending, options = { keepConnection: false }): void {
      if (isFinished) return;
      isFinished = true;
      clearTimeout(deadline);
      signal?.removeEventListener("abort", abort);
      if (!options.keepConnection) stream.destroy();
      resolve(toResult(ending, record.read(), Math.round(performance.now() - startedAtMs)));
    }

    stream.on("error", (error) => finish(describeFailure(error)));
    stream.on("request", (sent: ClientRequest) => {
      // A switched connection has left the agent: unless it is destroyed here and now, nobody ever closes it.
      sent.once("upgrade", (response) => {
        record.begin({ status: response.statusCode ?? 101, headers: response.headers });
        finish({ outcome: "responded" });
      });
    });
    stream.on("response", ({ statusCode: status, headers }) => record.begin({ status, headers }));
    stream.on("data", (chunk: Buffer) => {
      if (!record.add(chunk)) finish({ outcome: "responded" });
    });
    // A receiver that answers without reading the request would otherwise hold the connection past the deadline.
    stream.on("end", () => finish({ outcome: "responded" }, { keepConnection: stream.writableFinished }));

    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
  });
}

function toResult(ending: Ending, response: ReceivedResponse | undefined, durationMs: number): SendResult {
  if (ending.outcome !== "responded") return { ...ending, ...response, durationMs };
  if (response === undefined) return { outcome: "reset", error: "the response ended before it began", durationMs };
  return { outcome: ending.outcome, ...response, durationMs };
}

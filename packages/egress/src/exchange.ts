import type { ClientRequest } from "node:http";
import type { Got } from "got";
import type { CheckedAgents } from "./checked-agents.js";
import { describeFailure, type SendFailure } from "./failure.js";
import { createResponseRecord, type ReceivedResponse, type RecordOptions } from "./response-record.js";

export type SendResult =
  | ({ outcome: "responded"; durationMs: number } & ReceivedResponse)
  | ({ outcome: SendFailure; error: string; durationMs: number } & Partial<ReceivedResponse>);

export interface ExchangeRequest {
  url: string;
  /** Sent as they are, beside those that frame the message. */
  headers: Record<string, string>;
  body: string | Uint8Array;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  agents: CheckedAgents;
  /** What is kept of the answer. */
  record?: RecordOptions;
}

type Ending = { outcome: "responded" } | { outcome: SendFailure; error: string };

/** One POST, never repeated and never redirected. Resolves whatever happens. */
export function exchange(client: Got, request: ExchangeRequest): Promise<SendResult> {
  const { agents, signal, timeoutMs } = request;
  const startedAtMs = performance.now();
  const record = createResponseRecord(request.record ?? {});

  return new Promise((resolve) => {
    const stream = client.stream(request.url, {
      agent: { http: agents.http, https: agents.https },
      headers: request.headers,
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
  const { status, headers, bodyText } = response;
  return { outcome: ending.outcome, status, headers, bodyText, durationMs };
}

import got from "got";
import type { AddressPolicy } from "./address-policy.js";
import { createAgentPool, type RequestTls } from "./agent-pool.js";
import { exchange, type SendResult } from "./exchange.js";
import { leanRequests } from "./lean-requests.js";
import { type Lookup, systemLookup } from "./lookup.js";
import { createPortPolicy, type PortPolicy } from "./port-policy.js";
import { requestHeaders } from "./request-headers.js";
import { createSendWithToken } from "./send-with-token.js";
import { createTokens, type TokenRequest } from "./tokens.js";

const CONNECTIONS_MAX = 1000;
/** Status line and headers together; beyond it the outcome is `too_large`. */
const RESPONSE_HEAD_BYTES_MAX = 16_384;

export interface SendRequest {
  url: string;
  /** Sent as given, but for those of `isReservedHeader`, which are left out. */
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** One deadline for token, name, connection, request and response. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** The receiver's own authorities, and what proves to it who asks. */
  tls?: RequestTls;
  /** It goes with an access token, `Authorization: Bearer …`. */
  oauth2?: TokenRequest;
  /** What goes with it and must not stand in the record of its answer; its access token does not, either. */
  secrets?: readonly string[];
}

export interface SendOptions {
  policy: AddressPolicy;
  userAgent: string;
  /** Beyond this many open connections, those in use included, none is kept for reuse (1000). How many are in use is the caller's limit. */
  connectionsMax?: number;
  /** The system's resolver unless given. */
  lookup?: Lookup;
  /** The default ports unless given. */
  ports?: PortPolicy;
  /** Whether nothing is sent to http://. */
  httpsOnly?: boolean;
  /** URL of the HTTP proxy that is asked for every connection. */
  proxy?: string | null;
  /** PEM of the only authorities to trust, for receivers in a private network. */
  certificateAuthority?: string;
}

export interface Sender {
  /**
   * One POST, never redirected, and never repeated, but for a 401 to a token that was kept from before: that one is tried again with a new token.
   * Resolves whatever the network or the receiver does: any status is `responded`, also when reading stopped at 64 KiB of body; a failure after the
   * response began carries what had arrived. `token`: none was got, so nothing was sent.
   */
  send: (request: SendRequest) => Promise<SendResult>;
  /** Closes every connection; a request under way ends as `reset`. */
  close: () => void;
}

/** Builds the one door through which requests leave: got's stream over agents that check each address they dial. */
export function createSend(options: SendOptions): Sender {
  const { policy, userAgent, certificateAuthority: ca, connectionsMax = CONNECTIONS_MAX } = options;
  const pool = createAgentPool({
    policy,
    lookup: options.lookup ?? systemLookup,
    ports: options.ports ?? createPortPolicy(null),
    httpsOnly: options.httpsOnly ?? false,
    proxy: options.proxy ?? null,
    open: { count: 0, max: connectionsMax },
    tls: ca === undefined ? {} : { ca },
  });
  const client = got.extend({
    method: "POST",
    retry: { limit: 0 },
    followRedirect: false,
    enableUnixSockets: false,
    throwHttpErrors: false,
    decompress: false,
    strictContentLength: true,
    maxHeaderSize: RESPONSE_HEAD_BYTES_MAX,
    handlers: [leanRequests],
  });
  const tokens = createTokens((request) =>
    exchange(client, {
      ...request,
      headers: requestHeaders(request.headers, userAgent),
      agents: pool.agentsFor(undefined),
    }),
  );

  // Member by member: V8 is slow to add to an object that was spread, and this is done for every request.
  function sendOnce({ url, headers, body, timeoutMs, signal, tls, secrets = [] }: SendRequest): Promise<SendResult> {
    return exchange(client, {
      url,
      headers: requestHeaders(headers, userAgent),
      body,
      timeoutMs,
      signal,
      agents: pool.agentsFor(tls),
      record: { secrets },
    });
  }

  const sendWithToken = createSendWithToken(tokens, sendOnce);

  return {
    send: (request) => (request.oauth2 === undefined ? sendOnce(request) : sendWithToken(request, request.oauth2)),
    close: () => pool.destroy(),
  };
}

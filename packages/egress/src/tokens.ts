import { LRUCache } from "lru-cache";
import {
  allowInsecureRequests,
  clientCredentialsGrantRequest,
  ClientSecretBasic,
  customFetch,
  processClientCredentialsResponse,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from "oauth4webapi";
import type { ExchangeRequest, SendResult } from "./exchange.js";

const TOKENS_MAX = 1_000;
const FETCH_TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 32_768;
/** Left of a token's life when it is given up, or half of a short one's. */
const MARGIN_MS = 30_000;
/** Of a token of which nobody says how long it lives. */
const LIFE_MS_DEFAULT = 5 * 60 * 1000;
const LIFE_MS_MAX = 24 * 60 * 60 * 1000;
/** RFC 6749 §5.2; whatever else an end-point says is not repeated. */
const OAUTH_ERROR = /^[a-z_]{1,40}$/;

/** RFC 6750 §2.1, a little wider; no space, so nothing that could end the header. */
const TOKEN = /^[\x21-\x7e]{1,8192}$/;

/** Client credentials (RFC 6749 §4.4). `id` names whose they are, and which: tokens are kept by it. */
export interface TokenRequest {
  id: string;
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  scope?: string;
  audience?: string;
}

export type TokenResult =
  /** `isNew`: it was fetched for this very caller, or while it waited. */
  { ok: true; token: string; isNew: boolean } | { ok: false; outcome: "token" | "aborted"; error: string };

export interface Tokens {
  get(request: TokenRequest, limits: { timeoutMs: number; signal?: AbortSignal }): Promise<TokenResult>;
  /** It was refused: the next caller gets another. */
  forget(request: TokenRequest, token: string): void;
}

type Post = (request: Omit<ExchangeRequest, "agents">) => Promise<SendResult>;
type Fetched = { ok: true; token: string; lifeMs: number } | { ok: false; error: string };

/** Access tokens, each kept until shortly before it ends, and fetched once for all who want it at the same time. */
export function createTokens(post: Post): Tokens {
  const kept = new LRUCache<string, string>({ max: TOKENS_MAX });
  const underWay = new Map<string, Promise<Fetched>>();

  function fetchOnce(request: TokenRequest): Promise<Fetched> {
    const { id } = request;
    const fetching =
      underWay.get(id) ??
      fetchToken(post, request).then((fetched) => {
        underWay.delete(id);
        if (fetched.ok && fetched.lifeMs > 0) kept.set(id, fetched.token, { ttl: fetched.lifeMs });
        return fetched;
      });
    underWay.set(id, fetching);
    return fetching;
  }

  return {
    async get(request, limits) {
      const token = kept.get(request.id);
      if (token !== undefined) return { ok: true, token, isNew: false };
      const fetched = await within(fetchOnce(request), limits);
      if ("outcome" in fetched) return fetched;
      return fetched.ok
        ? { ok: true, token: fetched.token, isNew: true }
        : { ok: false, outcome: "token", error: `token end-point: ${fetched.error}` };
    },
    forget({ id }, token) {
      if (kept.get(id) === token) kept.delete(id);
    },
  };
}

type Cut = Extract<TokenResult, { ok: false }>;

/** A caller waits no longer than it has time; who else waits goes on. */
function within(
  fetching: Promise<Fetched>,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<Fetched | Cut> {
  return new Promise((resolve) => {
    const settle = (result: Fetched | Cut): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      resolve(result);
    };
    const timer = setTimeout(() => {
      settle({ ok: false, outcome: "token", error: `token end-point: timeout: no token within ${timeoutMs} ms` });
    }, timeoutMs);
    const abort = (): void => settle({ ok: false, outcome: "aborted", error: "stopped by the sender" });
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    void fetching.then(settle);
  });
}

async function fetchToken(post: Post, request: TokenRequest): Promise<Fetched> {
  const server = { issuer: new URL(request.tokenUrl).origin, token_endpoint: request.tokenUrl };
  const client = { client_id: request.clientId };
  const parameters = {
    ...(request.scope !== undefined && { scope: request.scope }),
    ...(request.audience !== undefined && { audience: request.audience }),
  };
  let failure: string | null = null;
  try {
    const response = await clientCredentialsGrantRequest(
      server,
      client,
      ClientSecretBasic(request.clientSecret),
      parameters,
      {
        // Whether http:// may be used is the egress policy's to say.
        [allowInsecureRequests]: true,
        [customFetch]: async (url, { headers, body }) => {
          const asked = {
            url,
            headers,
            body: String(body),
            timeoutMs: FETCH_TIMEOUT_MS,
            record: { bodyBytesMax: ANSWER_BYTES_MAX },
          };
          const result = await post(asked);
          if (result.outcome !== "responded") {
            failure = `${result.outcome}: ${result.error}`;
            throw new Error("the token end-point did not answer");
          }
          failure = `responded ${result.status} without a token`;
          return toResponse(result);
        },
      },
    );
    const answer = await processClientCredentialsResponse(server, client, response);
    if (!TOKEN.test(answer.access_token)) return { ok: false, error: "the token cannot be sent in a header" };
    return { ok: true, token: answer.access_token, lifeMs: lifeMsOf(answer.expires_in) };
  } catch (error) {
    return { ok: false, error: describe(error) ?? failure ?? "it could not be asked" };
  }
}

function toResponse({ status, headers, bodyText }: Extract<SendResult, { outcome: "responded" }>): Response {
  const { "content-type": contentType = "application/json", "www-authenticate": challenge } = headers;
  const isBodyless = status === 204 || status === 205 || status === 304;
  return new Response(isBodyless ? null : bodyText, {
    status: Math.max(status, 200),
    headers: { "content-type": contentType, ...(challenge !== undefined && { "www-authenticate": challenge }) },
  });
}

/** What the end-point said, in words that hold nothing of ours. */
function describe(error: unknown): string | null {
  if (error instanceof WWWAuthenticateChallengeError) return `responded ${error.status}`;
  if (!(error instanceof ResponseBodyError)) return null;
  return `responded ${error.status}${OAUTH_ERROR.test(error.error) ? ` ${error.error}` : ""}`;
}

function lifeMsOf(expiresInSeconds: number | undefined): number {
  const lifeMs = expiresInSeconds === undefined ? LIFE_MS_DEFAULT : expiresInSeconds * 1000;
  return Math.floor(Math.min(lifeMs, LIFE_MS_MAX) - Math.min(MARGIN_MS, lifeMs / 2));
}

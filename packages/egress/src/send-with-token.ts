import type { SendResult } from "./exchange.js";
import type { SendRequest } from "./send.js";
import type { TokenRequest, Tokens } from "./tokens.js";

const UNAUTHORIZED = 401;

/**
 * Sends a request with an access token, within the request's one deadline. A 401 to a token that was kept from before is tried again once, with a
 * new one.
 */
export function createSendWithToken(
  tokens: Tokens,
  sendOnce: (request: SendRequest) => Promise<SendResult>,
): (request: SendRequest, oauth2: TokenRequest) => Promise<SendResult> {
  return async (request, oauth2) => {
    const startedAtMs = performance.now();
    const lasted = (): number => Math.round(performance.now() - startedAtMs);
    const limits = () => ({
      ...(request.signal && { signal: request.signal }),
      timeoutMs: Math.max(1, request.timeoutMs - lasted()),
    });
    const sendAs = async (token: string): Promise<SendResult> => {
      const headers = { ...request.headers, authorization: `Bearer ${token}` };
      const secrets = [...(request.secrets ?? []), token];
      return { ...(await sendOnce({ ...request, ...limits(), headers, secrets })), durationMs: lasted() };
    };
    const first = await tokens.get(oauth2, limits());
    if (!first.ok) return { outcome: first.outcome, error: first.error, durationMs: lasted() };
    const result = await sendAs(first.token);
    if (result.outcome !== "responded" || result.status !== UNAUTHORIZED) return result;
    tokens.forget(oauth2, first.token);
    if (first.isNew) return result;
    const second = await tokens.get(oauth2, limits());
    return second.ok ? sendAs(second.token) : result;
  };
}

import { LEGACY_FORMATS, signLegacy } from "@homing/signature/legacy";
import { toWebhookSecret } from "@homing/signature/secrets";
import { signStandard } from "@homing/signature/standard-webhooks";
import type { Context, SendRequest } from "../context.js";
import { authorize, openAuth, secretsOf } from "../webhooks/auth.js";
import { openHeaders } from "../webhooks/headers.js";
import { openSecret } from "../webhooks/secret.js";
import type { OpenSigningKey } from "../webhooks/signing-key.js";
import { openTls, toRequestTls } from "../webhooks/tls.js";
import type { Claim } from "./claim.js";

/** Of every request that leaves. */
export const USER_AGENT = "Homing/0.1";
const REDACTED = "[redacted]";

/** A signed request, and its headers as an attempt records them: credentials redacted. */
export interface SignedRequest {
  request: SendRequest & { secrets: string[] };
  recordableHeaders: Record<string, string>;
}

/**
 * The request of one attempt: the stored bytes, the webhook's own headers, the Standard Webhooks signature by every valid
 * secret and, if it asks for `v1a`, every valid key, and beside it the legacy formats the webhook asked for, by the newest secret.
 * A client's own text signs as it is where a legacy format wants it, and as what is derived from it for Standard Webhooks. The message
 * id is the event's, so that a repeat is recognised.
 */
export function signRequest(
  { sealer, openSigningKey }: Pick<Context, "sealer"> & { openSigningKey: OpenSigningKey },
  claim: Claim,
  nowMs: number,
): SignedRequest {
  const timestampSeconds = Math.floor(nowMs / 1000);
  const body = claim.payload;
  const secrets = claim.secrets.map((row) => openSecret(sealer, row));
  const own = openHeaders(sealer, claim.webhookId, claim.headersSealed);
  const [newest] = secrets;
  const formats = LEGACY_FORMATS.filter((format) => claim.signatureFormats.includes(format));
  const signatures = {
    ...signStandard({
      id: claim.eventName,
      timestampSeconds,
      body,
      secrets: secrets.map(toWebhookSecret),
      ...(claim.signingKeys && { keys: claim.signingKeys.map(openSigningKey) }),
    }),
    ...Object.assign(
      {},
      ...formats.map((format) => signLegacy(format, { secret: newest ?? "", timestampSeconds, body })),
    ),
  };
  const ours = {
    "content-type": "application/json",
    "user-agent": USER_AGENT,
    "homing-event-type": claim.eventType,
    "homing-delivery-id": claim.deliveryId,
    ...signatures,
  };
  const signed = {
    request: {
      url: claim.url,
      headers: { ...own, ...ours },
      body,
      timeoutMs: claim.timeoutMs,
      secrets: Object.values(own),
    },
    recordableHeaders: { ...Object.fromEntries(Object.keys(own).map((name) => [name, REDACTED])), ...ours },
  };
  return claim.authSealed === null && claim.tlsSealed === null ? signed : withAccess({ sealer }, claim, signed);
}

/** What gets a request in at a receiver that asks who comes; few webhooks have any. */
function withAccess(
  { sealer }: Pick<Context, "sealer">,
  { webhookId, authSealed, tlsSealed }: Claim,
  { request, recordableHeaders }: SignedRequest,
): SignedRequest {
  const tls = openTls(sealer, webhookId, tlsSealed);
  const auth = openAuth(sealer, webhookId, authSealed);
  const access = auth && authorize(auth, authSealed ?? "");
  const isHeader = access !== null && "authorization" in access;
  return {
    request: {
      ...request,
      ...(isHeader && { headers: { ...request.headers, authorization: access.authorization } }),
      ...(access !== null && !isHeader && { oauth2: access.oauth2 }),
      ...(tls && { tls: toRequestTls(tls, tlsSealed ?? "") }),
      ...(auth && { secrets: [...request.secrets, ...secretsOf(auth)] }),
    },
    recordableHeaders: access === null ? recordableHeaders : { ...recordableHeaders, authorization: REDACTED },
  };
}

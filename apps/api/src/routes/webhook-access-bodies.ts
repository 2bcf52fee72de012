import type { WebhookAuth } from "@homing/core/webhooks/auth";
import { type CertificateFacts, readCertificates, type WebhookTls } from "@homing/core/webhooks/tls";
import Joi from "joi";
import { timeAnswer } from "./schemas.js";

const CREDENTIAL_CHARS_MAX = 1_024;
const TOKEN_CHARS_MAX = 4_096;
const URL_CHARS_MAX = 2_048;
const PEM_CHARS_MAX = { authorities: 65_536, certificate: 32_768, key: 16_384 };
/** RFC 7617 §2: no control characters, and no colon in a name. */
const USERNAME = /^[\x20-\x39\x3b-\x7e\u00a0-\ud7ff\ue000-\uffff]*$/;
const PASSWORD = /^[\x20-\x7e\u00a0-\ud7ff\ue000-\uffff]*$/;
const TOKEN = /^[\x21-\x7e]+$/;
const PRINTABLE = /^[\x20-\x7e]+$/;

export type AuthBody =
  | Exclude<WebhookAuth, { type: "oauth2_client_credentials" }>
  | {
      type: "oauth2_client_credentials";
      token_url: string;
      client_id: string;
      client_secret: string;
      scope?: string;
      audience?: string;
    };

export interface TlsBody {
  ca_pem?: string;
  client_certificate_pem?: string;
  client_key_pem?: string;
}

const text = (pattern: RegExp, charsMax = CREDENTIAL_CHARS_MAX) => Joi.string().max(charsMax).pattern(pattern);

const basic = Joi.object({
  type: Joi.string().valid("basic").required(),
  username: text(USERNAME).allow("").required(),
  password: text(PASSWORD).allow("").required(),
});
const bearer = Joi.object({
  type: Joi.string().valid("bearer").required(),
  token: text(TOKEN, TOKEN_CHARS_MAX).required(),
});
const clientCredentials = Joi.object({
  type: Joi.string().valid("oauth2_client_credentials").required(),
  token_url: Joi.string().max(URL_CHARS_MAX).required().description("Judged as the webhook's URL is"),
  client_id: text(PRINTABLE).required(),
  client_secret: text(PRINTABLE).required(),
  scope: text(PRINTABLE),
  audience: text(PRINTABLE),
});

const isType = (type: string) => Joi.object({ type: Joi.valid(type).required() }).unknown();

/** Whose faults are told is decided by the type. */
export const webhookAuth = Joi.alternatives()
  .conditional(isType("basic"), {
    // oxlint-disable-next-line unicorn/no-thenable -- a word of Joi's
    then: basic,
    // oxlint-disable-next-line unicorn/no-thenable -- a word of Joi's
    otherwise: Joi.alternatives().conditional(isType("bearer"), { then: bearer, otherwise: clientCredentials }),
  })
  .description(
    "Sets `Authorization` on every delivery, so no header of that name may be given beside it. With `oauth2_client_credentials` an access token is got from " +
      "`token_url` and kept until shortly before it ends. Kept encrypted; passwords, tokens and client secrets are never shown. null: none",
  );

const pem = (charsMax: number) => Joi.string().max(charsMax);

export const webhookTls = Joi.object<TlsBody>({
  ca_pem: pem(PEM_CHARS_MAX.authorities).description("The only authorities to trust, in place of the public ones"),
  client_certificate_pem: pem(PEM_CHARS_MAX.certificate).description(
    "Shown to a receiver that asks for one; with those between it and its authority behind it",
  ),
  client_key_pem: pem(PEM_CHARS_MAX.key).description("Its key, without a passphrase; never shown"),
})
  .min(1)
  .description("Needs a URL that begins with https:. Replaced as a whole, kept encrypted. null: none");

export const authAnswer = Joi.object({
  type: Joi.string().valid("basic", "bearer", "oauth2_client_credentials").required(),
  username: Joi.string().allow(""),
  token_url: Joi.string(),
  client_id: Joi.string(),
  scope: Joi.string(),
  audience: Joi.string(),
}).description("Without secrets");

const certificateAnswer = Joi.object({
  subject: Joi.string().allow("").required(),
  issuer: Joi.string().allow("").required(),
  expires_at: timeAnswer().required(),
  fingerprint_sha256: Joi.string().required(),
});

export const tlsAnswer = Joi.object({
  ca: Joi.array().items(certificateAnswer).required(),
  client_certificate: certificateAnswer.allow(null).required(),
});

export function toAuth(body: AuthBody | null): WebhookAuth | null {
  if (body?.type !== "oauth2_client_credentials") return body;
  const { token_url: tokenUrl, client_id: clientId, client_secret: clientSecret, ...optional } = body;
  return { tokenUrl, clientId, clientSecret, ...optional };
}

export function toTls(body: TlsBody | null): WebhookTls | null {
  return (
    body && {
      ...(body.ca_pem !== undefined && { caPem: body.ca_pem }),
      ...(body.client_certificate_pem !== undefined && { clientCertificatePem: body.client_certificate_pem }),
      ...(body.client_key_pem !== undefined && { clientKeyPem: body.client_key_pem }),
    }
  );
}

export function authBodyOf(auth: WebhookAuth | null): object | null {
  switch (auth?.type) {
    case undefined:
      return null;
    case "basic":
      return { type: auth.type, username: auth.username };
    case "bearer":
      return { type: auth.type };
    case "oauth2_client_credentials": {
      const { type, tokenUrl, clientId, clientSecret: _secret, ...optional } = auth;
      return { type, token_url: tokenUrl, client_id: clientId, ...optional };
    }
    default:
      return auth satisfies never;
  }
}

export function tlsBodyOf(tls: WebhookTls | null): object | null {
  if (tls === null) return null;
  const [own] = readCertificates(tls.clientCertificatePem ?? "");
  return {
    ca: readCertificates(tls.caPem ?? "").map(certificateBody),
    client_certificate: own === undefined ? null : certificateBody(own),
  };
}

function certificateBody({ subject, issuer, expiresAt, fingerprint }: CertificateFacts): object {
  return { subject, issuer, expires_at: expiresAt.toISOString(), fingerprint_sha256: fingerprint };
}

import type { Sealer } from "@homing/signature/sealing";
import type { SendRequest } from "../context.js";
import { openSetting, sealSetting } from "./sealed-setting.js";

/** How a webhook's receiver is told who asks, by the `Authorization` of each delivery. */
export type WebhookAuth =
  | { type: "basic"; username: string; password: string }
  | { type: "bearer"; token: string }
  | ({ type: "oauth2_client_credentials" } & ClientCredentials);

/** RFC 6749 §4.4; a token is got from `tokenUrl` and sent as a bearer's. */
export interface ClientCredentials {
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  scope?: string;
  audience?: string;
}

export function sealAuth(sealer: Sealer, webhookId: string, auth: WebhookAuth | null): string | null {
  return sealSetting(sealer, { setting: "webhooks.auth_sealed", webhookId }, auth);
}

/** @throws SealError when the key is missing or the row was tampered with */
export function openAuth(sealer: Sealer, webhookId: string, sealed: string | null): WebhookAuth | null {
  return sealed === null
    ? null
    : JSON.parse(openSetting(sealer, { setting: "webhooks.auth_sealed", webhookId }, sealed));
}

/** What of it goes to the receiver, or to the token end-point, and nobody may read. */
export function secretsOf(auth: WebhookAuth): string[] {
  switch (auth.type) {
    case "basic":
      return [auth.password, basicOf(auth)];
    case "bearer":
      return [auth.token];
    case "oauth2_client_credentials":
      return [auth.clientSecret];
    default:
      return auth satisfies never;
  }
}

/**
 * What a request needs for it: the header's value, or the credentials for which the sender gets a token.
 * @param sealed names these very credentials of this webhook: tokens are kept by it
 */
export function authorize(
  auth: WebhookAuth,
  sealed: string,
): { authorization: string } | { oauth2: NonNullable<SendRequest["oauth2"]> } {
  switch (auth.type) {
    case "basic":
      return { authorization: `Basic ${basicOf(auth)}` };
    case "bearer":
      return { authorization: `Bearer ${auth.token}` };
    case "oauth2_client_credentials": {
      const { type: _type, ...credentials } = auth;
      return { oauth2: { id: sealed, ...credentials } };
    }
    default:
      return auth satisfies never;
  }
}

/** RFC 7617 §2. */
function basicOf({ username, password }: { username: string; password: string }): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

import type { DeliveryRecord } from "../deliveries/records.js";
import { DomainError } from "../errors.js";
import { getWebhook } from "./read.js";
import { newestSecret } from "./secrets.js";
import type { TestEvent } from "./publish-test.js";
import { wantsV1a } from "./signing-key.js";
import { testOnce, testUrl, type TestContext } from "./test-once.js";
import { PROTECTION_DEFAULTS, type WebhookName, type WebhookSettings } from "./webhook.js";

/** One event for a webhook, or for another URL in its place. */
export interface WebhookTest extends WebhookName {
  event: TestEvent;
  /** In place of the webhook's own. */
  url?: string;
  /** In place of the webhook's own, and the legacy signature that it is meant for. */
  secret?: { text: string; signatureFormat: string };
}

/**
 * Sends one test event as a webhook would get it. With another URL or secret it is a test of a URL, which leaves the webhook as it is
 * and off its history; another URL gets none of the webhook's credentials: headers, authentication, client certificate.
 * @throws DomainError `not_found`, `webhook_archived`, `quota_exhausted`; `webhook_disabled` with neither; `validation_error` when the URL
 * may not be called
 */
export async function testWebhook(
  context: TestContext,
  { organizationId, webhookId, event, url, secret }: WebhookTest,
): Promise<DeliveryRecord> {
  const name = { organizationId, webhookId };
  if (url === undefined && secret === undefined) return testOnce(context, { ...name, event });
  const webhook = await getWebhook(context, name);
  if (webhook.state === "archived") throw new DomainError("webhook_archived", "the webhook is archived");
  const { description, eventTypes, timeoutMs, metadata, contractFields } = webhook;
  const target = url ?? webhook.url;
  // A test of a URL has no key pair of the webhook's to sign with.
  const symmetric = webhook.signatureFormats.filter((format) => !wantsV1a([format]));
  const formats = new Set([...symmetric, ...(secret ? [secret.signatureFormat] : [])]);
  const settings = {
    url: target,
    signatureFormats: [...formats],
    ...(target === webhook.url ? credentialsOf(webhook) : { headers: {}, auth: null, tls: null }),
    description,
    eventTypes,
    timeoutMs,
    metadata,
    contractFields,
    ...PROTECTION_DEFAULTS,
  };
  return testUrl(context, {
    organizationId,
    settings,
    ofWebhookId: webhookId,
    secret: secret?.text ?? (await newestSecret(context, webhookId)),
    event,
  });
}

function credentialsOf({ headers, auth, tls }: WebhookSettings): Pick<WebhookSettings, "headers" | "auth" | "tls"> {
  return { headers, auth, tls };
}

import type { DeliveryRecord } from "@homing/core/deliveries/records";
import { EVENT_TYPE } from "@homing/core/webhooks/match";
import { getWebhookByNumber } from "@homing/core/webhooks/read";
import { revealSecret } from "@homing/core/webhooks/secrets";
import { TEST_EVENT_TYPE } from "@homing/core/webhooks/test-event";
import { testOnce, testUrl } from "@homing/core/webhooks/test-once";
import type { Webhook } from "@homing/core/webhooks/webhook";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { invalidInput } from "../../problem.js";
import { type Route, route } from "../../route.js";
import { numberId } from "./schemas.js";
import { secretInput, SIGNATURE_FORMAT, toSettings, urlInput } from "./webhook-body.js";
import { WEBHOOKS, WEBHOOKS_TAG } from "./webhooks.js";

const SIGNATURE_HEADER = "x-theirstack-signature-256";
/** The receiver answered nothing. */
const NO_STATUS = 0;

interface TestInput {
  webhook_id?: number | null;
  url?: string | null;
  event_type?: string | null;
  secret?: string | null;
}

const testInput = Joi.object<TestInput>({
  webhook_id: numberId().allow(null).description("This webhook, with `url` and `secret` in place of its own if given"),
  url: urlInput().allow(null).description("Required without `webhook_id`"),
  event_type: Joi.string().max(128).pattern(EVENT_TYPE, "event type").allow(null),
  secret: secretInput(),
})
  .unknown()
  .id("TheirstackTestInput");

const testAnswer = Joi.object({
  status: Joi.number().integer().required().description("The receiver's HTTP status; 0 when it answered nothing"),
  message: Joi.string().allow("").description("What the receiver answered, or why nothing was"),
  signature: Joi.string().description("X-TheirStack-Signature-256 as it was sent"),
}).id("TheirstackTestResult");

/** One test event to a webhook or a URL; answers once the worker has sent it. */
export function testWebhookRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: `${WEBHOOKS}/test`,
    operationId: "theirstackTestWebhook",
    summary: "Send a test event to a webhook or a URL",
    tag: WEBHOOKS_TAG,
    scope: "webhooks:write",
    input: { body: testInput },
    answers: { 200: { description: "What came of it, whatever the receiver said", schema: testAnswer } },
    refusals: ["not_found", "webhook_disabled", "webhook_archived", "quota_exhausted"],
    async handle({ caller: { organizationId }, body }) {
      const number = body.webhook_id ?? null;
      const record =
        number === null
          ? await sendToUrl(context, { organizationId, body })
          : await sendToWebhook(context, {
              organizationId,
              body,
              webhook: await getWebhookByNumber(context, { organizationId, number }),
            });
      return { status: 200, body: testBody(record) };
    },
  });
}

async function sendToUrl(
  context: ApiContext,
  { organizationId, body }: { organizationId: string; body: TestInput },
): Promise<DeliveryRecord> {
  const { url, secret } = body;
  if (typeof url !== "string") {
    throw invalidInput([{ in: "body", pointer: "/url", detail: "is required without webhook_id" }]);
  }
  const settings = toSettings({ url, secret: secret ?? null });
  return testUrl(context, { organizationId, settings, event: toEvent(body), ...(secret != null && { secret }) });
}

/** A test with another URL or secret is one of a URL: it leaves the webhook as it is. */
async function sendToWebhook(
  context: ApiContext,
  { organizationId, body, webhook }: { organizationId: string; body: TestInput; webhook: Webhook },
): Promise<DeliveryRecord> {
  const name = { organizationId, webhookId: webhook.id };
  const event = toEvent(body, webhook);
  if (typeof body.url !== "string" && typeof body.secret !== "string") return testOnce(context, { ...name, event });
  const own = new Set(webhook.signatureFormats);
  if (typeof body.secret === "string") own.add(SIGNATURE_FORMAT);
  const { description, eventTypes, headers, timeoutMs, metadata, contractFields } = webhook;
  const settings = {
    url: body.url ?? webhook.url,
    signatureFormats: [...own],
    description,
    eventTypes,
    headers,
    timeoutMs,
    metadata,
    contractFields,
  };
  const secret = body.secret ?? (await revealSecret(context, name));
  return testUrl(context, { organizationId, settings, secret, event });
}

/** Of the type that is asked for, or the first that the webhook names. */
function toEvent({ event_type }: TestInput, webhook?: Webhook): { type: string; payload: string } {
  const type = event_type ?? webhook?.eventTypes.find((pattern) => EVENT_TYPE.test(pattern)) ?? TEST_EVENT_TYPE;
  return { type, payload: JSON.stringify({ event_type: type, test: true, message: "A test event from Homing." }) };
}

function testBody({ lastAttempt }: DeliveryRecord): object {
  if (lastAttempt === null) return { status: NO_STATUS, message: "No attempt was made in time." };
  const { responseStatus, responseBody, error, requestHeaders } = lastAttempt;
  const signature = Object.entries(requestHeaders).find(([header]) => header.toLowerCase() === SIGNATURE_HEADER)?.[1];
  return {
    status: responseStatus ?? NO_STATUS,
    message: error ?? responseBody ?? "",
    ...(signature !== undefined && { signature }),
  };
}

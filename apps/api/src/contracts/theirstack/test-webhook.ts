import type { Acting } from "@homing/core/audit-log/actor";
import type { DeliveryRecord } from "@homing/core/deliveries/records";
import { EVENT_TYPE, EVENT_TYPE_CHARS_MAX } from "@homing/core/webhooks/match";
import { getWebhookByNumber } from "@homing/core/webhooks/read";
import { TEST_EVENT_TYPE, testTypeOf } from "@homing/core/webhooks/test-event";
import { testUrl } from "@homing/core/webhooks/test-once";
import { testWebhook } from "@homing/core/webhooks/test-webhook";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { invalidInput } from "../../problem.js";
import { type Route, route } from "../../route.js";
import { notOwn } from "../../routes/schemas.js";
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
  webhook_id: numberId()
    .allow(null)
    .description(
      "This webhook, with `url` and `secret` in place of its own if given; another `url` gets none of its headers",
    ),
  url: urlInput().allow(null).description("Required without `webhook_id`"),
  event_type: notOwn(Joi.string().max(EVENT_TYPE_CHARS_MAX).pattern(EVENT_TYPE, "event type").allow(null)),
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
    asksForSending: true,
    answers: { 200: { description: "What came of it, whatever the receiver said", schema: testAnswer } },
    refusals: ["not_found", "webhook_disabled", "webhook_archived", "quota_exhausted"],
    async handle({ caller: { organizationId }, body, actor }) {
      const acting = { ...context, actor: actor() };
      const number = body.webhook_id ?? null;
      const record =
        number === null
          ? await sendToUrl(acting, { organizationId, body })
          : await sendToWebhook(acting, { organizationId, body, number });
      return { status: 200, body: testBody(record) };
    },
  });
}

async function sendToUrl(
  context: ApiContext & Acting,
  { organizationId, body }: { organizationId: string; body: TestInput },
): Promise<DeliveryRecord> {
  const { url, secret, event_type } = body;
  if (typeof url !== "string") {
    throw invalidInput([{ in: "body", pointer: "/url", detail: "is required without webhook_id" }]);
  }
  const settings = toSettings({ url, secret: secret ?? null });
  const event = toEvent(event_type ?? TEST_EVENT_TYPE);
  return testUrl(context, { organizationId, settings, event, ...(secret != null && { secret }) });
}

async function sendToWebhook(
  context: ApiContext & Acting,
  {
    organizationId,
    body: { url, secret, event_type },
    number,
  }: { organizationId: string; body: TestInput; number: number },
): Promise<DeliveryRecord> {
  const webhook = await getWebhookByNumber(context, { organizationId, number });
  return testWebhook(context, {
    organizationId,
    webhookId: webhook.id,
    event: toEvent(event_type ?? testTypeOf(webhook)),
    ...(typeof url === "string" && { url }),
    ...(typeof secret === "string" && { secret: { text: secret, signatureFormat: SIGNATURE_FORMAT } }),
  });
}

function toEvent(type: string): { type: string; payload: string } {
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

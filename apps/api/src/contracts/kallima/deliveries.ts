import { DELIVERY_STATES } from "@homing/core/deliveries/delivery";
import { listRecords } from "@homing/core/deliveries/records";
import { withPayloads } from "@homing/core/events/payloads";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { bodyOfPieces, listPieces } from "../../pieces.js";
import { type Route, route } from "../../route.js";
import { uuid } from "../../routes/schemas.js";
import { deliveryAnswer, deliveryJson } from "./delivery-body.js";
import { params, TAG } from "./paths.js";
import { requireRecord } from "./require-record.js";

const LIMIT_MAX = 200;
const LIMIT_DEFAULT = 50;
/** What was skipped was never meant to be sent, so the contract has no state for it. */
const LISTED_STATES = DELIVERY_STATES.filter((state) => state !== "skipped");

const query = Joi.object<{ webhook_id?: string; limit: number }>({
  webhook_id: uuid(),
  limit: Joi.number().integer().min(1).max(LIMIT_MAX).default(LIMIT_DEFAULT),
}).unknown();

/** Looking at deliveries. */
export function deliveryRoutes(context: ApiContext): Route[] {
  return [listRoute(context), getRoute(context)];
}

function listRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/webhook_deliveries",
    operationId: "kallimaListDeliveries",
    summary: "List deliveries, newest first",
    tag: TAG,
    scope: "deliveries:read",
    input: { query },
    answers: {
      200: { description: "The newest deliveries", schema: Joi.array().items(deliveryAnswer) },
    },
    refusals: [],
    async handle({ caller: { organizationId }, query: { webhook_id: webhookId, limit } }) {
      const filter = { organizationId, states: LISTED_STATES, limit, ...(webhookId && { webhookId }) };
      const records = withPayloads(context, { organizationId, items: await listRecords(context, filter) });
      return { status: 200, body: await bodyOfPieces(listPieces(records, { toJson: deliveryJson })) };
    },
  });
}

function getRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/webhook_deliveries/{delivery_id}",
    operationId: "kallimaGetDelivery",
    summary: "Get a delivery",
    tag: TAG,
    scope: "deliveries:read",
    input: { params },
    answers: { 200: { description: "The delivery", schema: deliveryAnswer } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { delivery_id: deliveryId } }) {
      const record = await requireRecord(context, { organizationId, deliveryId });
      return { status: 200, body: Buffer.from(deliveryJson(record)) };
    },
  });
}

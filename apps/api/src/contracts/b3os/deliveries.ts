import { type DeliveryEntry, type DeliveryRecord, findRecord, listRecords } from "@homing/core/deliveries/records";
import { withPayloads } from "@homing/core/events/payloads";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { bodyOfPieces, listPieces } from "../../pieces.js";
import { type Route, route } from "../../route.js";
import { ID_CHARS_MAX } from "../../routes/schemas.js";
import { deliveryAnswer, deliveryJson, isShown, SHOWN_STATES } from "./delivery-body.js";
import { answerJson, envelopeEdges, envelopeOf } from "./envelope.js";
import { deliveryNotFound, idParams, requireDeliveryId, toId } from "./ids.js";
import { pageEdges, pageOf, type PageQuery, pageQuery } from "./page.js";

export const DELIVERIES = "/v1/execution-webhooks/deliveries";
export const DELIVERIES_TAG = "B3OS deliveries";

interface DeliveriesQuery extends PageQuery {
  endpointId?: string;
}

/** Looking at deliveries. */
export function deliveryRoutes(context: ApiContext): Route[] {
  return [listDeliveriesRoute(context), getDeliveryRoute(context)];
}

function listDeliveriesRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: DELIVERIES,
    operationId: "b3osListDeliveries",
    summary: "List deliveries, newest first",
    tag: DELIVERIES_TAG,
    scope: "deliveries:read",
    input: {
      query: Joi.object<DeliveriesQuery>({ ...pageQuery, endpointId: Joi.string().max(ID_CHARS_MAX) }).unknown(),
    },
    answers: { 200: { description: "A page of deliveries", schema: envelopeOf(pageOf(deliveryAnswer)) } },
    refusals: [],
    async handle({ caller: { organizationId }, query, requestId }) {
      const shown = await listShown(context, organizationId, query);
      const records = withPayloads(context, { organizationId, items: shown.slice(0, query.limit) });
      const envelope = envelopeEdges(requestId);
      const page = pageEdges(query, shown.length > query.limit);
      const edges = { before: envelope.before + page.before, after: page.after + envelope.after };
      return { status: 200, body: await bodyOfPieces(listPieces(records, { toJson: deliveryJson, ...edges })) };
    },
  });
}

function getDeliveryRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: `${DELIVERIES}/{id}`,
    operationId: "b3osGetDelivery",
    summary: "Get a delivery",
    tag: DELIVERIES_TAG,
    scope: "deliveries:read",
    input: { params: idParams },
    answers: { 200: { description: "The delivery", schema: envelopeOf(deliveryAnswer) } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params, requestId }) {
      const deliveryId = requireDeliveryId(params.id);
      return answerJson(requestId, deliveryJson(await requireRecord(context, { organizationId, deliveryId })));
    },
  });
}

/** A page of what the contract shows, and one more when there is more. */
async function listShown(
  context: ApiContext,
  organizationId: string,
  { limit, offset, endpointId }: DeliveriesQuery,
): Promise<DeliveryEntry[]> {
  const webhookId = endpointId === undefined ? undefined : toId(endpointId);
  if (webhookId === null) return [];
  return listRecords(context, {
    organizationId,
    ...(webhookId !== undefined && { webhookId }),
    states: SHOWN_STATES,
    limit: limit + 1,
    offset,
  });
}

/** One delivery of an organization. @throws DomainError `not_found`, also for what the contract does not show */
export async function requireRecord(
  context: ApiContext,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<DeliveryRecord> {
  const record = await findRecord(context, { organizationId, deliveryId });
  if (record === null || !isShown(record.state)) throw deliveryNotFound();
  return record;
}

import { countDeliveries, countDeliveriesByDay, type DailyCount } from "@homing/core/deliveries/count";
import { getWebhookByNumber } from "@homing/core/webhooks/read";
import Joi from "joi";
import type { ApiContext } from "../../api-context.js";
import { type Route, route } from "../../route.js";
import { EVENTS_TAG } from "./events.js";
import { formatTime, localTime, numberId, timeAnswer, timeZone, webhookParams } from "./schemas.js";
import { STATUSES, type Status, toStatus } from "./status.js";
import { WEBHOOKS } from "./webhooks.js";

interface CountQuery {
  start_datetime?: string;
  end_datetime?: string;
  timezone: string;
  webhook_id?: number;
  group_by: "status" | "webhook_id";
}

const countQuery = Joi.object<CountQuery>({
  start_datetime: localTime().description("In `timezone` unless it has an offset; 30 days before the end unless given"),
  end_datetime: localTime().description("In `timezone` unless it has an offset; now unless given"),
  timezone: timeZone().default("UTC").description("Where the days begin"),
  webhook_id: numberId(),
  group_by: Joi.string().valid("status", "webhook_id").default("status"),
}).unknown();

const countAnswer = Joi.object({
  period_start: timeAnswer().required().description("When the day began in the time zone"),
  number_of_events: Joi.number().integer().required(),
  status: Joi.string()
    .valid(...STATUSES)
    .allow(null)
    .required()
    .description("Null when grouped by webhook"),
  webhook_id: Joi.number().integer().allow(null).required().description("Null when grouped by status of all webhooks"),
  number_of_executions: Joi.number().integer().required().description("How many attempts were made of these events"),
}).id("TheirstackEventCount");

interface CountBody {
  period_start: string;
  number_of_events: number;
  status: Status | null;
  webhook_id: number | null;
  number_of_executions: number;
}

/** How many events there were. */
export function countRoutes(context: ApiContext): Route[] {
  return [countEventsRoute(context), countByDayRoute(context)];
}

function countEventsRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: `${WEBHOOKS}/{webhook_id}/events/count`,
    operationId: "theirstackCountEvents",
    summary: "Count a webhook's events",
    tag: EVENTS_TAG,
    scope: "deliveries:read",
    input: { params: webhookParams },
    answers: { 200: { description: "How many there are", schema: Joi.number().integer() } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { webhook_id: number } }) {
      const { id: webhookId } = await getWebhookByNumber(context, { organizationId, number });
      return { status: 200, body: await countDeliveries(context, { organizationId, webhookId }) };
    },
  });
}

function countByDayRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: `${WEBHOOKS}/events/count`,
    operationId: "theirstackCountEventsByDay",
    summary: "Count events by day",
    description: "One row for each day and status, or each day and webhook, that has events.",
    tag: EVENTS_TAG,
    scope: "deliveries:read",
    input: { query: countQuery },
    answers: { 200: { description: "The counts, first day first", schema: Joi.array().items(countAnswer) } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, query }) {
      const { webhook_id: number, start_datetime: start, end_datetime: end, timezone, group_by } = query;
      const webhook = number === undefined ? null : await getWebhookByNumber(context, { organizationId, number });
      const counts = await countDeliveriesByDay(context, {
        organizationId,
        timeZone: timezone,
        ...(webhook && { webhookId: webhook.id }),
        ...(start !== undefined && { start }),
        ...(end !== undefined && { end }),
      });
      const rows = counts.map((count) =>
        toRow(count, { group_by, ...(number !== undefined && { webhook_id: number }) }),
      );
      return { status: 200, body: addUp(rows) };
    },
  });
}

function toRow(count: DailyCount, { group_by, webhook_id }: Pick<CountQuery, "group_by" | "webhook_id">): CountBody {
  const byWebhook = group_by === "webhook_id";
  return {
    period_start: formatTime(count.dayStart),
    number_of_events: count.deliveries,
    status: byWebhook ? null : toStatus(count.state),
    webhook_id: byWebhook ? count.webhookNumber : (webhook_id ?? null),
    number_of_executions: count.attempts,
  };
}

/** Rows of one group become one; the order of the first ones stays. */
function addUp(rows: readonly CountBody[]): CountBody[] {
  const sums = new Map<string, CountBody>();
  for (const row of rows) {
    const key = `${row.period_start} ${row.status} ${row.webhook_id}`;
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, row);
    else {
      sum.number_of_events += row.number_of_events;
      sum.number_of_executions += row.number_of_executions;
    }
  }
  return [...sums.values()];
}

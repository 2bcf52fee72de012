import { AUDIT_ACTIONS, type AuditAction } from "@homing/core/audit-log/actions";
import { type AuditEntry, type AuditFilter, listAuditLog } from "@homing/core/audit-log/read";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { type Route, route } from "../route.js";
import { pageBody, toPageRequest } from "./page.js";
import { type PageQuery, pageOf, pageQuery, time, timeAnswer, uuid } from "./schemas.js";

interface AuditQuery extends PageQuery {
  action?: AuditAction;
  target_id?: string;
  api_key_id?: string;
  since?: string;
  until?: string;
}

const auditQuery = Joi.object<AuditQuery>({
  ...pageQuery,
  action: Joi.string().valid(...AUDIT_ACTIONS),
  target_id: uuid().description("What was done to this row"),
  api_key_id: uuid().description("What was done with this key, or with a portal token that it made"),
  since: time().description("At this time or later"),
  until: time().description("Before this time"),
});

const fields = (description: string) => Joi.object().unknown().required().description(description);

const auditAnswer = Joi.object({
  id: Joi.string().required(),
  action: Joi.string()
    .valid(...AUDIT_ACTIONS)
    .required(),
  actor: Joi.object({
    type: Joi.string().valid("api_key", "portal_token", "operator", "system").required(),
    id: Joi.string()
      .allow(null)
      .required()
      .description("The key's, or that of the key that made the token; null: the operator, or Homing itself"),
  }).required(),
  target: Joi.object({
    type: Joi.string().required().example("webhook"),
    id: Joi.string().required(),
  }).required(),
  address: Joi.string().allow(null).required().description("The client's").example("203.0.113.7"),
  request_id: Joi.string().allow(null).required(),
  before: fields("The fields that changed, as they were; no secrets, of headers the names"),
  after: fields("The same fields as they are now"),
  created_at: timeAnswer().required(),
}).id("AuditEntry");

/** What was done in an organization, by whom and from where. */
export function auditLogRoutes(context: ApiContext): Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/audit_log",
      operationId: "listAuditLog",
      summary: "List what was done in the organization, newest first",
      description:
        "Every change, retry, reveal of a secret and key event. Publishing is not an entry: events are on their own list.",
      tag: "Audit log",
      scope: "keys:manage",
      input: { query: auditQuery },
      answers: { 200: { description: "A page of entries", schema: pageOf(auditAnswer) } },
      refusals: [],
      async handle({ caller: { organizationId }, query }) {
        const place = { list: "audit_log", organizationId };
        const page = await listAuditLog(context, {
          ...toPageRequest(context.cursors, place, query),
          filter: toFilter(query),
        });
        return { status: 200, body: pageBody(context.cursors, place, page, entryBody) };
      },
    }),
  ];
}

function toFilter({ action, target_id, api_key_id, since, until }: AuditQuery): AuditFilter {
  return {
    ...(action && { action }),
    ...(target_id && { targetId: target_id }),
    ...(api_key_id && { apiKeyId: api_key_id }),
    ...(since && { since: new Date(since) }),
    ...(until && { until: new Date(until) }),
  };
}

function entryBody(entry: AuditEntry): object {
  const { id, action, actorType, actorId, targetType, targetId, address, requestId, before, after, createdAt } = entry;
  return {
    id,
    action,
    actor: { type: actorType, id: actorId },
    target: { type: targetType, id: targetId },
    address,
    request_id: requestId,
    before,
    after,
    created_at: createdAt.toISOString(),
  };
}

import { createPortalToken, PORTAL_SCOPES, type PortalScope } from "@homing/core/organizations/create-portal-token";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { type Route, route } from "../route.js";
import { timeAnswer, uuid } from "./schemas.js";

/** A token cannot be revoked by itself, so it is short-lived, and a page asks its own server for the next. */
const LIFETIME_SECONDS = { min: 60, default: 15 * 60, max: 24 * 60 * 60 };

interface PortalTokenBody {
  webhook_id?: string | null;
  scopes: PortalScope[];
  expires_in_seconds: number;
}

const portalTokenBody = Joi.object<PortalTokenBody>({
  webhook_id: uuid().allow(null).description("Holds it to this webhook; null, or not named: all of the organization"),
  scopes: Joi.array()
    .items(Joi.string().valid(...PORTAL_SCOPES))
    .min(1)
    .max(PORTAL_SCOPES.length)
    .unique()
    .required()
    .description("What it may do, of what the asking key may"),
  expires_in_seconds: Joi.number()
    .integer()
    .min(LIFETIME_SECONDS.min)
    .max(LIFETIME_SECONDS.max)
    .default(LIFETIME_SECONDS.default),
}).id("PortalTokenInput");

const portalTokenAnswer = Joi.object({
  token: Joi.string().required().example("homp_…").description("It is shown here and never again"),
  webhook_id: Joi.string().guid().allow(null).required(),
  scopes: Joi.array().items(Joi.string()).required(),
  expires_at: timeAnswer().required(),
}).id("PortalToken");

/** Short-lived tokens for a tenant's page. */
export function portalTokenRoutes(context: ApiContext): Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/portal_tokens",
      operationId: "createPortalToken",
      summary: "Create a short-lived token for a tenant's page",
      description:
        "It stands in place of an API key until it expires or the key that asked for it is revoked. Bound to a webhook it opens what " +
        "is about this webhook, finds nothing else of the organization, and is refused as lacking the scope everywhere else. The requests " +
        "that it makes count for that key.",
      tag: "Keys",
      scope: "keys:manage",
      input: { body: portalTokenBody },
      answers: { 201: { description: "The token, which is shown this once", schema: portalTokenAnswer } },
      refusals: ["forbidden"],
      async handle({ caller: { organizationId, apiKeyId: grantedBy }, body, actor }) {
        const { scopes, webhook_id: webhookId = null, expires_in_seconds: lifetimeSeconds } = body;
        const { token, expiresAt } = await createPortalToken(
          { ...context, actor: actor() },
          { organizationId, scopes, webhookId, lifetimeSeconds, grantedBy },
        );
        return { status: 201, body: { token, webhook_id: webhookId, scopes, expires_at: expiresAt.toISOString() } };
      },
    }),
  ];
}

import type { ApiContext } from "../api-context.js";
import type { Route } from "../route.js";
import { auditLogRoutes } from "./audit-log.js";
import { deliveryActionRoutes } from "./delivery-actions.js";
import { deliveryRoutes } from "./deliveries.js";
import { eventRoutes } from "./events.js";
import { holdToWebhook } from "./hold-to-webhook.js";
import { keyRoutes } from "./keys.js";
import { organizationRoutes } from "./organizations.js";
import { portalTokenRoutes } from "./portal-tokens.js";
import { jwksRoutes } from "./jwks.js";
import { publishRoutes } from "./publish.js";
import { webhookActionRoutes } from "./webhook-actions.js";
import { webhookRoutes } from "./webhooks.js";

/** Every route of Homing's own surface. */
export function nativeRoutes(context: ApiContext): Route[] {
  const routes = [
    ...publishRoutes(context),
    ...eventRoutes(context),
    ...webhookRoutes(context),
    ...webhookActionRoutes(context),
    ...jwksRoutes(context),
    ...deliveryRoutes(context),
    ...deliveryActionRoutes(context),
    ...keyRoutes(context),
    ...portalTokenRoutes(context),
    ...organizationRoutes(context),
    ...auditLogRoutes(context),
  ];
  return routes.map((native) => holdToWebhook(context, native));
}

import type { ApiContext } from "../api-context.js";
import type { Route } from "../route.js";
import { auditLogRoutes } from "./audit-log.js";
import { deliveryActionRoutes } from "./delivery-actions.js";
import { deliveryRoutes } from "./deliveries.js";
import { eventRoutes } from "./events.js";
import { publishRoutes } from "./publish.js";
import { webhookActionRoutes } from "./webhook-actions.js";
import { webhookRoutes } from "./webhooks.js";

/** Every route of Homing's own surface. */
export function nativeRoutes(context: ApiContext): Route[] {
  return [
    ...publishRoutes(context),
    ...eventRoutes(context),
    ...webhookRoutes(context),
    ...webhookActionRoutes(context),
    ...deliveryRoutes(context),
    ...deliveryActionRoutes(context),
    ...auditLogRoutes(context),
  ];
}

import { findDelivery } from "@homing/core/deliveries/read";
import type { Caller } from "@homing/core/organizations/api-keys";
import { webhookNotFound } from "@homing/core/webhooks/webhook";
import type { ApiContext } from "../api-context.js";
import { isRecord } from "../json-schema.js";
import type { Route } from "../route.js";
import { deliveryNotFound } from "./require-delivery.js";

/**
 * Holds a route whose path names a webhook or a delivery to the webhook that a portal token is bound to: whatever else its
 * organization has is as unknown as what it does not have. Other routes see to it themselves, or refuse such a token.
 */
export function holdToWebhook(context: ApiContext, route: Route): Route {
  if (!/\{(?:webhook|delivery)_id\}/.test(route.path)) return route;
  return {
    ...route,
    isHeldToWebhook: true,
    async handle(request) {
      const { caller, params } = request;
      if (caller !== null && caller.webhookId !== null) await assertHeld(context, caller, params);
      return route.handle(request);
    },
  };
}

/** What a delivery belongs to never changes, so there is no race between this and what follows. */
async function assertHeld(context: ApiContext, caller: Caller, params: unknown): Promise<void> {
  const { webhook_id: webhookId, delivery_id: deliveryId } = isRecord(params) ? params : {};
  if (typeof deliveryId === "string") {
    const delivery = await findDelivery(context, { organizationId: caller.organizationId, deliveryId });
    if (delivery?.webhookId !== caller.webhookId) throw deliveryNotFound();
  } else if (webhookId !== caller.webhookId) throw webhookNotFound();
}

import type { Delivery } from "@homing/core/deliveries/delivery";
import { findDelivery } from "@homing/core/deliveries/read";
import { DomainError } from "@homing/core/errors";
import type { ApiContext } from "../api-context.js";

export interface DeliveryName {
  organizationId: string;
  deliveryId: string;
}

/** One delivery of an organization. @throws DomainError `not_found`, also for another organization's */
export async function requireDelivery(context: ApiContext, name: DeliveryName): Promise<Delivery> {
  const delivery = await findDelivery(context, name);
  if (delivery === null) throw deliveryNotFound();
  return delivery;
}

export function deliveryNotFound(): DomainError {
  return new DomainError("not_found", "there is no such delivery");
}

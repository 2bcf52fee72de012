import { type DeliveryRecord, findRecord } from "@homing/core/deliveries/records";
import { DomainError } from "@homing/core/errors";
import type { ApiContext } from "../../api-context.js";

/** One delivery of an organization. @throws DomainError `not_found`, also for another organization's */
export async function requireRecord(
  context: ApiContext,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<DeliveryRecord> {
  const record = await findRecord(context, { organizationId, deliveryId });
  if (record === null) throw deliveryNotFound();
  return record;
}

/** What is answered to an id of no delivery of the organization. */
export function deliveryNotFound(): DomainError {
  return new DomainError("not_found", "there is no such delivery");
}

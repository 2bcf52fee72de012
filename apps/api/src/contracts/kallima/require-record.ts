import { type DeliveryRecord, listRecords } from "@homing/core/deliveries/records";
import { DomainError } from "@homing/core/errors";
import type { ApiContext } from "../../api-context.js";

/** One delivery of an organization. @throws DomainError `not_found`, also for another organization's */
export async function requireRecord(
  context: ApiContext,
  { organizationId, deliveryId }: { organizationId: string; deliveryId: string },
): Promise<DeliveryRecord> {
  const [record] = await listRecords(context, { organizationId, deliveryIds: [deliveryId], limit: 1 });
  if (record === undefined) throw deliveryNotFound();
  return record;
}

export function deliveryNotFound(): DomainError {
  return new DomainError("not_found", "there is no such delivery");
}

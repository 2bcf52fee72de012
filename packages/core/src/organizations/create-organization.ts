import type { Transaction } from "@homing/db/client";
import { createApiKey } from "@homing/signature/api-key";
import { v7 as uuidv7 } from "uuid";
import type { Acting, Actor } from "../audit-log/actor.js";
import { recordAudit } from "../audit-log/record.js";
import type { Context } from "../context.js";
import { SCOPES } from "./api-keys.js";
import { type ApiKey, insertKey } from "./key.js";
import { type Organization, toOrganization } from "./organization.js";

/** An organization and its first key. */
export interface NewOrganization {
  organizationId: string;
  organization: Organization;
  apiKey: ApiKey;
  /** The key itself: it is shown here and nowhere else. */
  key: string;
}

/** Makes an organization with one key of all scopes. */
export async function createOrganization(
  { db, actor }: Pick<Context, "db"> & Acting,
  { name, key = createApiKey() }: { name: string; key?: string },
): Promise<NewOrganization> {
  return db.$transaction(async (transaction) => {
    const organization = await insertOrganization(transaction, actor, name);
    const organizationId = organization.id;
    const apiKey = await insertKey(transaction, actor, { organizationId, name: "first key", key, scopes: SCOPES });
    return { organizationId, organization, apiKey, key };
  });
}

/** Without a key. */
export async function insertOrganization(transaction: Transaction, actor: Actor, name: string): Promise<Organization> {
  const row = await transaction.organization.create({ data: { id: uuidv7(), name } });
  const entry = { organizationId: row.id, action: "organization.created", targetId: row.id, after: { name } } as const;
  await recordAudit(transaction, actor, entry);
  return toOrganization(row);
}

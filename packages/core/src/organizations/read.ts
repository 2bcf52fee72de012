import type { Context } from "../context.js";
import { type Page, type PageRequest, toPage } from "../page.js";
import { type ApiKey, keyNotFound, type KeyName, toKey } from "./key.js";
import { type Organization, organizationNotFound, toOrganization } from "./organization.js";

/** Every organization, newest first: for the operator. */
export async function listOrganizations(
  { db }: Pick<Context, "db">,
  { limit, after }: Pick<PageRequest, "limit" | "after">,
): Promise<Page<Organization>> {
  const rows = await db.organization.findMany({
    where: after === null ? {} : { id: { lt: after } },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  return toPage(rows.map(toOrganization), limit);
}

/** @throws DomainError `not_found` */
export async function getOrganization({ db }: Pick<Context, "db">, organizationId: string): Promise<Organization> {
  const row = await db.organization.findUnique({ where: { id: organizationId } });
  if (row === null) throw organizationNotFound();
  return toOrganization(row);
}

/** An organization's keys, newest first, those that were revoked or have expired among them. */
export async function listKeys(
  { db }: Pick<Context, "db">,
  { organizationId, limit, after }: PageRequest,
): Promise<Page<ApiKey>> {
  const rows = await db.apiKey.findMany({
    where: { organizationId, ...(after !== null && { id: { lt: after } }) },
    orderBy: { id: "desc" },
    take: limit + 1,
  });
  return toPage(rows.map(toKey), limit);
}

/** @throws DomainError `not_found`, also for another organization's key */
export async function getKey({ db }: Pick<Context, "db">, { organizationId, keyId }: KeyName): Promise<ApiKey> {
  const row = await db.apiKey.findFirst({ where: { id: keyId, organizationId } });
  if (row === null) throw keyNotFound();
  return toKey(row);
}

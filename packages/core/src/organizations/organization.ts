import { DomainError } from "../errors.js";

/** Who the rows belong to; one never sees another's. */
export interface Organization {
  id: string;
  name: string;
  createdAt: Date;
}

/** What its row shows of an organization. */
export function toOrganization({ id, name, createdAt }: Organization): Organization {
  return { id, name, createdAt };
}

export function organizationNotFound(): DomainError {
  return new DomainError("not_found", "there is no such organization");
}

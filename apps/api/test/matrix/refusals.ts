import { expect } from "@jest/globals";
import type { Response } from "supertest";

interface Spelling {
  status: number;
  body: unknown;
}

const has = (members: object): unknown => expect.objectContaining(members);
const theirstack = (code: string) => has({ error: has({ code }) });

/** How each surface says that it does not know who asks: contracts.md §5. */
export const UNAUTHENTICATED: Record<string, Spelling> = {
  native: { status: 401, body: has({ code: "unauthenticated" }) },
  theirstack: { status: 401, body: theirstack("E-002") },
  baanx: { status: 401, body: has({ message: "Not authenticated" }) },
  kallima: { status: 401, body: has({ code: "unauthenticated" }) },
  b3os: { status: 401, body: has({ code: 401 }) },
};

/** How each surface says that the scope is missing. */
export const FORBIDDEN: Record<string, Spelling> = {
  native: { status: 403, body: has({ code: "forbidden" }) },
  theirstack: { status: 400, body: theirstack("E-001") },
  baanx: { status: 403, body: has({ message: "Not authorized" }) },
  kallima: { status: 403, body: has({ code: "forbidden" }) },
  b3os: { status: 403, body: has({ code: 403 }) },
};

/** How each surface says that there is no such row. */
export const NOT_FOUND: Record<string, Spelling> = {
  native: { status: 404, body: has({ code: "not_found" }) },
  theirstack: { status: 400, body: theirstack("E-003") },
  baanx: { status: 404, body: expect.anything() },
  kallima: { status: 404, body: has({ code: "not_found" }) },
  b3os: { status: 404, body: has({ code: 404 }) },
};

/** Fails unless an answer is spelt so. `who` is shown with a failure. */
export function expectSpelt({ status, body }: Response, spelling: Spelling | undefined, who: string): void {
  expect({ who, status, body }).toEqual({ who, ...spelling });
}

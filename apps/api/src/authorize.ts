import { refusal } from "./problem.js";
import type { Caller, Scope } from "@homing/core/organizations/api-keys";

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

/** Finds who holds an API key; null when nobody does. */
export type Authenticate = (key: string) => Promise<Caller | null>;

/**
 * The caller that an `Authorization` header names, if its key has the scope.
 * @throws ProblemError unauthenticated or forbidden
 */
export async function authorize(header: string | undefined, scope: Scope, authenticate: Authenticate): Promise<Caller> {
  const key = BEARER.exec(header ?? "")?.[1];
  if (key === undefined) throw refusal("unauthenticated", "Send an API key as `Authorization: Bearer <key>`.");
  const caller = await authenticate(key);
  if (caller === null) throw refusal("unauthenticated", "The API key is not known or no longer valid.");
  if (!caller.scopes.includes(scope)) throw refusal("forbidden", `The API key lacks the scope ${scope}.`);
  return caller;
}

import type { IsOperator } from "./operator-key.js";
import { refusal } from "./problem.js";
import type { Caller, Scope } from "@homing/core/organizations/api-keys";

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

/** Finds who holds an API key; null when nobody does. */
export type Authenticate = (key: string) => Promise<Caller | null>;

/** What an `Authorization` header shows; undefined: nothing, or not as a bearer does. */
export function shownKey(header: string | undefined): string | undefined {
  return BEARER.exec(header ?? "")?.[1];
}

/**
 * The caller that an `Authorization` header names.
 * @throws ProblemError unauthenticated
 */
export async function findCaller(header: string | undefined, authenticate: Authenticate): Promise<Caller> {
  const key = shownKey(header);
  if (key === undefined) throw refusal("unauthenticated", "Send an API key as `Authorization: Bearer <key>`.");
  const caller = await authenticate(key);
  if (caller === null) throw refusal("unauthenticated", "The API key is not known or no longer valid.");
  return caller;
}

/**
 * Lets the operator in, and no holder of an API key.
 * @throws ProblemError unauthenticated
 */
export function requireOperator(header: string | undefined, isOperator: IsOperator): void {
  const credential = shownKey(header);
  if (credential === undefined || !isOperator(credential)) {
    throw refusal("unauthenticated", "Send the operator's credential as `Authorization: Bearer <credential>`.");
  }
}

/** @throws ProblemError forbidden */
export function requireScope(caller: Caller, scope: Scope): void {
  if (!caller.scopes.includes(scope)) throw refusal("forbidden", `The API key lacks the scope ${scope}.`);
}

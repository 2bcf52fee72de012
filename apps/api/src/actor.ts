import type { Actor } from "@homing/core/audit-log/actor";
import type { Caller } from "@homing/core/organizations/api-keys";
import type { Request } from "express";
import type { Route } from "./route.js";
import { clientAddress } from "./client-address.js";

/** Who asks for a change, as the audit log has it. */
export function actorOf(
  req: Request,
  { caller, requestId, scope }: { caller: Caller | null; requestId: string; scope: Route["scope"] },
): Actor {
  const from = { address: clientAddress(req), requestId };
  if (caller !== null) return { type: caller.by, id: caller.apiKeyId, ...from };
  if (scope !== "operator") throw new Error("a public route changes nothing: it has no actor");
  return { type: "operator", id: null, ...from };
}

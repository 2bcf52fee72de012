import type { Actor } from "@homing/core/audit-log/actor";
import type { Caller } from "@homing/core/organizations/api-keys";
import type { Request } from "express";
import { clientAddress } from "./client-address.js";

/** Who asks for a change, as the audit log has it. */
export function actorOf(req: Request, { caller, requestId }: { caller: Caller | null; requestId: string }): Actor {
  if (caller === null) throw new Error("a public route changes nothing: it has no actor");
  return { type: "api_key", id: caller.apiKeyId, address: clientAddress(req), requestId };
}

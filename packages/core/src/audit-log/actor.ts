/** Who changes something, and from where: every verb that does takes one. */
export interface Actor {
  type: "api_key" | "portal_token" | "operator" | "system";
  /** The key's, or that of the key that made the token; null: the operator, or Homing itself. */
  id: string | null;
  /** The client's address; null: nobody asked over the network. */
  address: string | null;
  requestId: string | null;
}

/** What a verb that changes something takes beside its context. */
export interface Acting {
  actor: Actor;
}

/** Homing itself: a worker that disables a webhook, a process that starts. */
export const SYSTEM: Actor = { type: "system", id: null, address: null, requestId: null };

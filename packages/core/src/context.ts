import type { Database } from "@homing/db/client";
import type { Logger } from "@homing/runtime/logger";
import type { Sealer } from "@homing/signature/sealing";
import type { SendResult } from "./outcome.js";

/** "Look at this delivery": what the queue carries. Its loss costs time, never a delivery. */
export interface Hint {
  deliveryId: string;
  /** Whose it is: organizations share the queue fairly. */
  organizationId: string;
  /** Its webhook: a worker decides by it whether there is a seat for the request. */
  webhookId: string;
  series: number;
  /** The attempt it asks for, counted in its series from 1. */
  number: number;
  delayMs: number;
  /** It was taken from its webhook's line: it is its turn. */
  isPulled?: boolean;
  /** The lease of its last attempt ran out: it is overdue, and does not wait for its webhook's window or line. */
  isTakenOver?: boolean;
  /** It was under way in more than one worker that died: maybe it is what they died of. */
  isSuspect?: boolean;
  /** It is a retry whose delayed hint was to come by now. */
  isOverdue?: boolean;
  /** It was handed over before, with those of the same set: where it still waits, it is known by their job. */
  set?: string;
}

/** A hint that the queue had no room for. */
export interface LeftHint extends Hint {
  /** From 1: how far its organization is beyond its share of the queue; 0: it is not known. */
  priority: number;
}

export interface SendRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  timeoutMs: number;
  signal?: AbortSignal;
  /** PEM texts: the receiver's own authorities, and what proves to it who asks. Requests of one `id` share connections. */
  tls?: { id: string; ca?: string; cert?: string; key?: string };
  /** What goes with it and may be recorded nowhere, also where the receiver repeats it. */
  secrets?: readonly string[];
  /** The request goes with an access token got for these credentials; tokens are kept by `id`. */
  oauth2?: { id: string; tokenUrl: string; clientId: string; clientSecret: string; scope?: string; audience?: string };
}

export type UrlVerdict = { ok: true } | { ok: false; reason: string; detail: string };

/** What the verbs need of the world; each takes the part it uses. */
export interface Context {
  db: Database;
  log: Logger;
  /** Encrypts what is secret at rest. */
  sealer: Sealer;
  /** Judges a webhook's URL before it is stored. */
  checkUrl: (url: string) => Promise<UrlVerdict>;
  /** Makes one HTTP request; resolves whatever the network does. */
  send: (request: SendRequest) => Promise<SendResult>;
  /** Hands hints to the queue and resolves to those that it had no room for; rejects when the queue cannot be reached. */
  enqueue: (hints: Hint[]) => Promise<LeftHint[]>;
  /** From 0 (inclusive) to 1. */
  random: () => number;
}

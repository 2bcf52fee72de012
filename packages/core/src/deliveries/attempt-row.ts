import { uuidTime } from "@homing/db/week";
import { v7 as uuidv7 } from "uuid";
import { textsOf } from "../texts.js";
import type { MadeAttempt } from "./record.js";

/** With what a request went that has none recorded: rows are kept for as long as retention says, so this outlives a new name. */
const FIRST_USER_AGENT = "Homing/0.1";
const TIMESTAMP = "webhook-timestamp";
const SIGNATURE = "webhook-signature";
/** One HMAC-SHA256, its 32 bytes in base64. */
const LONE_SIGNATURE = /^v1,([A-Za-z0-9+/]{43}=)$/;

/** The columns of an attempt that `toAttemptRow` makes small (decision 23). */
export interface AttemptRow extends TellingColumns {
  /** JSON: those that the row does not tell, and null for one that it tells and that was not there; null: nothing of the kind. */
  requestHeaders: string | null;
  /** As the request's. */
  responseHeaders: string | null;
}

interface TellingRequest {
  /** A UUIDv7 of the moment of its signature. */
  id: string;
  /** In base64, if it is the only one. */
  signature: string | null;
}

interface TellingAnswer {
  id: string;
  durationMs: number;
  responseBody: string | null;
}

type TellingColumns = TellingRequest & TellingAnswer;

/** Of what a request was sent. */
export interface Sent {
  deliveryId: string;
  /** `evt_…` */
  eventName: string;
  /** null: retention has taken the event. */
  eventType: string | null;
}

/** Of a row that is read; the headers as they were parsed. */
export interface KeptRequest extends TellingRequest {
  requestHeaders: unknown;
}

export interface KeptAnswer extends TellingAnswer {
  responseStatus: number | null;
  responseHeaders: unknown;
}

/** An attempt as it is written: of its headers only those that its row and its delivery do not tell. */
export function toAttemptRow({
  claim,
  result,
  requestHeaders,
  sentAtMs,
}: Omit<MadeAttempt, "claim"> & { claim: Sent }): AttemptRow {
  const telling = {
    id: uuidv7({ msecs: sentAtMs }),
    signature: LONE_SIGNATURE.exec(requestHeaders[SIGNATURE] ?? "")?.[1] ?? null,
    durationMs: Math.round(result.durationMs),
    responseBody: result.bodyText ?? null,
  };
  return {
    ...telling,
    requestHeaders: untold(requestHeaders, toldOfRequest(telling, claim)),
    responseHeaders: result.headers === undefined ? null : untold(result.headers, toldOfAnswer(telling)),
  };
}

/** The headers that a request went with, those of its credentials redacted. */
export function requestHeadersOf(row: KeptRequest, sent: Sent): Record<string, string> {
  return withTold(row.requestHeaders, toldOfRequest(row, sent));
}

/** The headers that an answer came with; null: none came. */
export function responseHeadersOf(row: KeptRequest & KeptAnswer): Record<string, string> | null {
  if (row.responseStatus === null) return null;
  return withTold(row.responseHeaders, spellsTimeOut(row) ? {} : toldOfAnswer(row));
}

/** Rows of before their ids told the time, which keep an answer's headers whole. */
function spellsTimeOut({ requestHeaders }: KeptRequest): boolean {
  return Object.hasOwn(textsOf(requestHeaders), TIMESTAMP);
}

function toldOfRequest(
  { id, signature }: TellingRequest,
  { deliveryId, eventName, eventType }: Sent,
): Record<string, string> {
  return {
    "content-type": "application/json",
    "user-agent": FIRST_USER_AGENT,
    ...(eventType !== null && { "homing-event-type": eventType }),
    "homing-delivery-id": deliveryId,
    "webhook-id": eventName,
    [TIMESTAMP]: String(Math.floor(uuidTime(id).getTime() / 1000)),
    ...(signature !== null && { [SIGNATURE]: `v1,${signature}` }),
  };
}

/** Most receivers' clocks are right. */
function toldOfAnswer({ id, durationMs, responseBody }: TellingAnswer): Record<string, string> {
  return {
    date: new Date(uuidTime(id).getTime() + durationMs).toUTCString(),
    "content-length": String(Buffer.byteLength(responseBody ?? "")),
  };
}

function untold(headers: Record<string, string>, told: Record<string, string>): string | null {
  const rest: [string, string | null][] = Object.entries(headers).filter(([name, value]) => told[name] !== value);
  for (const name of Object.keys(told)) if (!Object.hasOwn(headers, name)) rest.push([name, null]);
  return rest.length === 0 ? null : JSON.stringify(Object.fromEntries(rest));
}

function withTold(rest: unknown, told: Record<string, string>): Record<string, string> {
  return textsOf({ ...told, ...(typeof rest === "object" && rest) });
}

import type { IncomingHttpHeaders } from "node:http";
import { BODY_KEPT_BYTES_MAX, decodeBody } from "./body-text.js";
import { createRedaction, type Redaction } from "./redaction.js";

/** They say how this connection is used, and nothing of the answer; of RFC 9110 §7.6.1 all but `Upgrade`, which belongs to a 426. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding"]);
const HEADER_NAMES_MAX = 100;
const HEADER_BYTES_MAX = 8192;
/** Reading stops here: the receiver has answered, the rest concerns nobody. */
const BODY_READ_BYTES_MAX = 65_536;

export interface ReceivedResponse {
  status: number;
  /** Without those that concern the connection alone; lower-case names; repeated ones joined by ", "; at most 100 names and 8 KiB, what does not fit is left out. */
  headers: Record<string, string>;
  /** At most 4096 bytes of UTF-8 unless told, without NUL. */
  bodyText: string;
}

export interface ResponseRecord {
  begin(head: { status: number; headers: IncomingHttpHeaders }): void;
  /** Takes the next piece of the body and answers whether more should be read. */
  add(chunk: Uint8Array): boolean;
  /** Undefined until the response has begun. */
  read(): ReceivedResponse | undefined;
}

export interface RecordOptions {
  /** 4096 unless told. */
  bodyBytesMax?: number;
  /** Of the request, and to be recorded nowhere. */
  secrets?: readonly string[];
}

/** What is kept of one response while it arrives: bounded, whatever the receiver sends, and without the request's secrets. */
export function createResponseRecord({
  bodyBytesMax = BODY_KEPT_BYTES_MAX,
  secrets = [],
}: RecordOptions): ResponseRecord {
  const redaction = createRedaction(secrets);
  const readBytesMax = bodyBytesMax + redaction.beyondBytes;
  let head: Omit<ReceivedResponse, "bodyText"> | undefined;
  const kept: Uint8Array[] = [];
  let bytesRead = 0;
  return {
    begin({ status, headers }) {
      head = { status, headers: recordableHeaders(headers, redaction) };
    },
    add(chunk) {
      // One byte more than is kept shows whether the cut falls inside a character.
      const room = readBytesMax + 1 - bytesRead;
      if (room > 0) kept.push(chunk.subarray(0, room));
      bytesRead += chunk.length;
      return bytesRead < BODY_READ_BYTES_MAX;
    },
    read() {
      const text = decodeBody(Buffer.concat(kept), readBytesMax);
      return (
        head && { status: head.status, headers: head.headers, bodyText: redaction.redactStart(text, bodyBytesMax) }
      );
    },
  };
}

function recordableHeaders(headers: IncomingHttpHeaders, redaction: Redaction): Record<string, string> {
  const entries: [string, string][] = [];
  let bytes = 0;
  for (const [name, values] of Object.entries(headers)) {
    if (HOP_BY_HOP.has(name)) continue;
    const value = redaction.redact(Array.isArray(values) ? values.join(", ") : (values ?? ""));
    const size = name.length + Buffer.byteLength(value);
    if (bytes + size > HEADER_BYTES_MAX) continue;
    if (entries.push([name, value]) >= HEADER_NAMES_MAX) break;
    bytes += size;
  }
  return Object.fromEntries(entries);
}

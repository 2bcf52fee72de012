import { isUtf8 } from "node:buffer";
import { MIMEType } from "node:util";
import { inspectJson } from "./inspect-json.js";
import { invalidInput, refusal } from "./problem.js";

const USUAL_TYPE = "application/json";
const JSON_TYPE = /^application\/(?:[^/]+\+)?json$/;
// Where neither stands in the bytes, no string of the document can hold what `inspectJson` looks for in text.
const ESCAPE = Buffer.from("\\u");
const PROTO = Buffer.from("__proto__");

export interface JsonBody {
  value: unknown;
  /** Members and elements of the document, at every depth. */
  membersTotal: number;
}

/**
 * The value of a body that must be JSON.
 * @param raw not empty
 * @throws ProblemError unsupported_media_type, malformed_json, or validation_error for what Postgres cannot hold
 */
export function parseJson(raw: Buffer, contentType: string | undefined): JsonBody {
  if (!isJsonType(contentType)) {
    throw refusal("unsupported_media_type", "Send the body as `Content-Type: application/json` in UTF-8.");
  }
  if (!isUtf8(raw)) throw refusal("malformed_json", "The body is not valid UTF-8.");
  const value = parse(raw);
  const { faults, membersTotal } = inspectJson(value, { text: raw.includes(ESCAPE) || raw.includes(PROTO) });
  if (faults.length > 0) throw invalidInput(faults.map((fault) => ({ in: "body", ...fault })));
  return { value, membersTotal };
}

function parse(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString("utf8"));
  } catch {
    throw refusal("malformed_json", "The body is not valid JSON.");
  }
}

function isJsonType(contentType: string | undefined): boolean {
  if (contentType === USUAL_TYPE) return true;
  try {
    const type = new MIMEType(contentType ?? "");
    const charset = type.params.get("charset");
    return JSON_TYPE.test(type.essence) && (charset === null || /^utf-?8$/i.test(charset));
  } catch {
    return false;
  }
}

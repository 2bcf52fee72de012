import fc from "fast-check";
import type Joi from "joi";
import type { Route } from "../../src/route.js";
import { anyJson, objectText } from "./json-texts.js";

/** The ids, keys and cursors of whoever asks; a request names them by marks, since it is made before its sender is known. */
export type Mark =
  | "webhook"
  | "event"
  | "delivery"
  | "key"
  | "organization"
  | "webhook_number"
  | "delivery_number"
  | "cursor_events"
  | "cursor_webhooks"
  | "cursor_deliveries";

type Description = Joi.Description & {
  keys?: Record<string, Description>;
  items?: Description[];
  allow?: unknown[];
  matches?: object[];
  patterns?: object[];
};

const TEXTS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/url/i, ["https://a.example/hook", "https://b.example/?a=1"]],
  [/types?$/i, ["invoice.paid", "job.new"]],
  [/since|until|time$|_at$/i, ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00.5+02:00"]],
  [/timezone/i, ["Europe/Madrid", "UTC"]],
  // What stands in the native API's and what in a foreign contract's.
  [/secret/i, ["0123456789abcdef", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]],
];

/** What stands for `mark` of the sender, of an organization that never asks, or of nobody. */
function markText(mark: Mark, whose: "own" | "foreign" | "unknown" = "own"): string {
  return `@${whose}:${mark}@`;
}

/** The mark of the row that a path's variable, a filter or a body's member names; null: it names none. */
export function markOf({ path }: Route, name: string): Mark | null {
  const byNumber = path.startsWith("/v0/");
  if (name === "cursor") return /\/(events|webhooks|deliveries)$/.exec(path)?.[1] === undefined ? null : cursorOf(path);
  if (/^webhook_event_ids?$/.test(name)) return "delivery_number";
  if (name.endsWith("key_id")) return "key";
  if (name === "organization_id") return "organization";
  if (name === "target_id") return "webhook";
  if (/delivery_?ids?$/i.test(name)) return "delivery";
  if (/(webhook|endpoint)_?ids?$/i.test(name)) return byNumber ? "webhook_number" : "webhook";
  if (/event_?ids?$/i.test(name)) return "event";
  if (name === "id") return path.includes("/deliveries/") ? "delivery" : "webhook";
  return null;
}

function cursorOf(path: string): Mark {
  if (path.endsWith("/events")) return "cursor_events";
  return path.endsWith("/webhooks") ? "cursor_webhooks" : "cursor_deliveries";
}

/** Texts that a path's variable or a query parameter takes. */
export function goodText(route: Route, name: string, description: Joi.Description): fc.Arbitrary<string> {
  const mark = markOf(route, name);
  if (mark !== null) return owned(mark);
  return goodScalar(name, description).map((text) => (text.startsWith('"') ? String(JSON.parse(text)) : text));
}

/** The sender's own in most cases. */
function owned(mark: Mark): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 10, arbitrary: fc.constant(markText(mark, "own")) },
    { weight: 1, arbitrary: fc.constantFrom(markText(mark, "foreign"), markText(mark, "unknown")) },
  );
}

/** JSON texts that a schema takes, mostly: any part of them may be something else. */
export function goodJson(
  route: Route,
  name: string,
  described: Joi.Description,
  oddEach: number,
): fc.Arbitrary<string> {
  const good = wellFormed(route, name, described, oddEach);
  return fc.oneof({ weight: oddEach, arbitrary: good }, { weight: 1, arbitrary: anyJson });
}

function wellFormed(route: Route, name: string, described: Joi.Description, oddEach: number): fc.Arbitrary<string> {
  const description: Description = described;
  const mark = markOf(route, name);
  switch (description.type) {
    case "object":
      if (name === "tls") return fc.constantFrom("null", '{"ca_pem":"x"}');
      return goodObject(route, description, oddEach);
    case "array": {
      const item = goodJson(route, name, description.items?.[0] ?? { type: "any", flags: {} }, oddEach);
      return fc.array(item, { minLength: 1, maxLength: 2 }).map((items) => `[${items.join()}]`);
    }
    case "alternatives":
      if (name === "auth") return fc.constantFrom("null", '{"type":"bearer","token":"0123456789abcdef"}');
      return fc.constantFrom('"standard"', '"kallima"', '{"delays_seconds":[1,2]}', '{"delays_seconds":[],"jitter":0}');
    case undefined:
    default:
      if (mark === null) return goodScalar(name, description);
      return owned(mark).map((text) => (mark.endsWith("_number") ? text : `"${text}"`));
  }
}

function goodObject(route: Route, { keys, patterns }: Description, oddEach: number): fc.Arbitrary<string> {
  if (keys === undefined) {
    return patterns === undefined
      ? fc.constantFrom('{"a":1}', '{ "n" : 1.0, "big": 12345678901234567890, "neg":-0 }', '{"é":"\u202E"}', "{}")
      : fc.constantFrom("{}", '{"x-a":"1"}', '{"a":"b","c":""}');
  }
  const members = Object.entries(keys).map(([name, member]) => {
    const text = goodJson(route, name, member, oddEach).map((value): [string, string] => [JSON.stringify(name), value]);
    const isRequired = Object(member.flags).presence === "required";
    return isRequired ? text : fc.option(text, { nil: null, freq: 1 });
  });
  return fc.tuple(...members).map((drawn) => objectText(drawn.filter((member) => member !== null)));
}

function goodScalar(name: string, description: Description): fc.Arbitrary<string> {
  const allowed = (description.allow ?? []).filter((value) => ["string", "number", "boolean"].includes(typeof value));
  const only = Object(description.flags).only === true;
  if (only && allowed.length > 0) return fc.constantFrom(...allowed.map((value) => JSON.stringify(value)));
  if (description.type === "number") return fc.constantFrom("1", "2", "50", "1000");
  if (description.type === "boolean") return fc.constantFrom("true", "false");
  const texts = TEXTS.find(([names]) => names.test(name))?.[1] ?? ["abc", "x-a"];
  return fc.constantFrom(...texts.map((text) => JSON.stringify(text)));
}

import fc from "fast-check";
import type { Route } from "../../src/route.js";
import type { Method } from "./native-api.js";
import { bodyOf, fillPath, type Rows } from "./route-requests.js";

/** A request that a client may send by mistake or in malice. */
export interface ArbitraryRequest {
  method: Method;
  path: string;
  query: [string, string][];
  headers: Record<string, string>;
  text: string | undefined;
}

const NASTY_TIMES = [
  "0000-01-01T00:00:00Z",
  "9999-12-31T23:59:59-23:59",
  "2026-02-30T00:00:00Z",
  "2026-06-30T23:59:60Z",
  "1969-12-31T23:59:59.999999999Z",
];

const NASTY_TEXTS = [
  "",
  " ",
  "null",
  "0",
  "-1",
  "1e999",
  "9007199254740993",
  "18446744073709551616",
  "\0",
  "a\0b",
  "\ud800",
  "é😀",
  "'; DROP TABLE events; --",
  "%",
  "..",
  "__proto__",
  "constructor",
  "a".repeat(129),
  "a".repeat(3_000),
  ...NASTY_TIMES,
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
  "evt_01JBAAAA0000000000000000IL",
  "http://[",
  "https://user@a.example/",
  "https://a.example:99999/",
  "https://xn--/",
  "pending",
  "standard",
  "invoice.*",
];

const anyText = fc.oneof(fc.constantFrom(...NASTY_TEXTS), fc.string(), fc.string({ unit: "binary", maxLength: 20 }));
const anyNumber = fc.oneof(fc.constantFrom(0, -0, -1, 0.5, 1e308, 2 ** 53, -(2 ** 63)), fc.integer());
const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  anyText,
  anyNumber,
  fc.constantFrom(null, true, [], {}, [null], { "": "" }, { type: "a" }),
  fc.array(anyText, { maxLength: 4 }),
  fc.dictionary(anyText, fc.oneof(anyText, anyNumber), { maxKeys: 4 }),
  fc.jsonValue({ maxDepth: 3 }),
);

const BROKEN_BODIES = [
  "",
  "{",
  "[]",
  "null",
  "nul",
  "\ufeff{}",
  '{"a":1}}',
  "[".repeat(5_000),
  '{"a":1e400}',
  '"\\ud800"',
];

/**
 * Requests for these routes: most of their parts as they should be, any of them not.
 * @param rows ids of rows that exist
 */
export function arbitraryRequests(routes: readonly Route[], rows: readonly Rows[]): fc.Arbitrary<ArbitraryRequest> {
  return fc.constantFrom(...routes).chain((route) =>
    fc.record({
      method: mostly(fc.constant(route.method), fc.constantFrom<Method>("GET", "POST", "PUT", "PATCH", "DELETE"), 30),
      path: mostly(arbitraryKnownPath(route, rows), arbitraryPath(route), 3),
      query: arbitraryQuery(route, rows),
      headers: arbitraryHeaders(),
      text: route.input.body === undefined ? mostly(fc.constant(undefined), anyText, 5) : arbitraryBody(route, rows),
    }),
  );
}

function mostly<T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, usualWeight: number): fc.Arbitrary<T> {
  return fc.oneof({ weight: usualWeight, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

function arbitraryKnownPath(route: Route, rows: readonly Rows[]): fc.Arbitrary<string> {
  return fc.constantFrom(...rows).map((row) => fillPath(route, row));
}

function arbitraryPath({ path }: Route): fc.Arbitrary<string> {
  return anyText.map((step) => path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(Buffer.from(step).toString())));
}

function arbitraryQuery({ input }: Route, rows: readonly Rows[]): fc.Arbitrary<[string, string][]> {
  const known = Object.keys(input.query?.describe().keys ?? {});
  const ids = rows.flatMap((row) => Object.values(row));
  const good = ["1", "50", "200", "succeeded", "invoice.paid", "2026-01-01T00:00:00Z", ...ids];
  const one = fc.tuple(
    known.length === 0 ? anyText : mostly(fc.constantFrom(...known), anyText, 9),
    mostly<string>(fc.constantFrom(...good), anyText, 1),
  );
  return mostly(fc.constant([]), fc.array(one, { maxLength: 3 }), 1);
}

function arbitraryHeaders(): fc.Arbitrary<Record<string, string>> {
  const key = fc.constantFrom("k1", "k2", "k3", "", "a b", "é", "x".repeat(201));
  const type = fc.constantFrom("text/plain", "application/json; charset=utf-16", "application/vnd.a+json", "x", ";");
  const odd: fc.Arbitrary<Record<string, string>> = fc.oneof(
    key.map((text) => ({ "Idempotency-Key": text })),
    type.map((text) => ({ "Content-Type": text })),
    fc.constantFrom("gzip", "br", "zip", "").map((text) => ({ "Content-Encoding": text })),
    fc.constantFrom("", "Bearer", "Bearer x", "Basic eA==").map((text) => ({ Authorization: text })),
  );
  return mostly(fc.constant({}), odd, 2);
}

function arbitraryBody(route: Route, rows: readonly Rows[]): fc.Arbitrary<string> {
  const members = Object.keys(Object(route.input.body?.describe().keys));
  const names = [...members, "__proto__", "state", "id", "payload"];
  const good = { ...Object(bodyOf(route)) };
  const changed = fc
    .array(fc.tuple(fc.constantFrom(...names), anyValue), { maxLength: 3 })
    .map((changes) => JSON.stringify({ ...good, ...Object.fromEntries(changes) }));
  const event = fc
    .array(arbitraryEventMember(), { maxLength: 3 })
    .map((changes) => JSON.stringify(bodyOf(route, Object.fromEntries(changes))));
  const named = fc.constantFrom(...rows).map((row) => JSON.stringify(bodyOf(route, { webhook_ids: [row.webhook_id] })));
  return fc.oneof(
    { weight: 4, arbitrary: changed },
    { weight: 3, arbitrary: event },
    { weight: 1, arbitrary: named },
    { weight: 1, arbitrary: anyValue.map((any) => JSON.stringify(any)) },
    { weight: 1, arbitrary: fc.constantFrom(...BROKEN_BODIES) },
  );
}

function arbitraryEventMember(): fc.Arbitrary<[string, unknown]> {
  return fc.oneof(
    fc.tuple(fc.constantFrom("type", "payload", "attributes", "webhook_ids"), anyValue),
    fc.tuple(fc.constant("occurred_at"), fc.constantFrom<unknown>(...NASTY_TIMES, "2026-01-01T00:00:00Z")),
  );
}

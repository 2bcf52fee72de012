import fc from "fast-check";
import type { Route } from "../../src/route.js";
import { goodJson, goodText, markOf } from "./good-input.js";
import { anyJson, anyText } from "./json-texts.js";

/** How a body's text becomes bytes, and what its headers say of them. */
export type Coding =
  | "utf-8"
  | "utf-16"
  | "bom"
  | "invalid"
  | "cut"
  | "padded"
  | "gzip"
  | "br"
  | "half gzip"
  | "no gzip"
  | "bomb";
/** How the request says where its body ends; all but the first two are lies. */
export type Framing = "length" | "chunked" | "too long" | "too short" | "both" | "bad chunk" | "negative" | "none";

/** A request that a client may send by mistake or in malice; names of rows and keys are marks. */
export interface OddRequest {
  /** Of the route that it is made from; null: of none. */
  operationId: string | null;
  method: string;
  target: string;
  authorization: string | null;
  /** Before all others, so that they count where a name comes twice. */
  headers: (readonly [string, string])[];
  body: string | null;
  coding: Coding;
  framing: Framing;
}

/** The sender's key, one of its organization without any scope, one that was revoked, the board's password and the operator's key. */
export const KEY_MARKS = {
  key: "@key@",
  poor: "@poor@",
  revoked: "@revoked@",
  operator: "@operator@",
  installation: "@installation@",
} as const;

const METHODS = [
  "GET",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "PROPFIND",
  "get",
  "X",
];
const PUBLIC_PATHS = [
  "/livez",
  "/readyz",
  "/openapi.json",
  "/docs",
  "/docs/problems",
  "/docs/assets/start.js",
  "/docs/assets/%2e%2e%2fpackage.json",
  "/docs/assets/swagger-ui.css",
  "/metrics",
  "/",
  "*",
  "/v1",
  "/v0/",
  "/.env",
];
const OPERATOR_PATHS = [
  "/ops/queues",
  "/ops/queues/",
  "/ops/queues/api/queues",
  "/ops/queues/api/queues?activeQueue=%00&page=-1",
  "/ops/queues/api/queues/deliveries/pause",
  "/ops/queues/api/queues/deliveries/add",
  "/ops/queues/api/queues/__proto__/constructor",
  "/ops/queues/static/../../package.json",
  "/ops/queues/static/%2e%2e%2f%2e%2e%2fpackage.json",
];
const LONG = 9_000;
const ODD_HEADERS: readonly (readonly [string, string])[] = [
  ...[
    "text/plain",
    "application/json; charset=utf-16",
    "application/vnd.a+json",
    "x",
    ";",
    "application/json, a/b",
  ].map((type): [string, string] => ["Content-Type", type]),
  ["Content-Type", "multipart/form-data; boundary=x"],
  ["Content-Encoding", "zip"],
  ["Content-Encoding", "gzip, gzip"],
  ["Content-Encoding", ""],
  ...["k1", "k2", "", "a b", "é", "x".repeat(201)].map((key): [string, string] => ["Idempotency-Key", key]),
  ["Accept", "text/html"],
  ["Accept-Encoding", "\x01"],
  ["Cookie", "a=b; __proto__=c"],
  ["Expect", "100-continue"],
  ["Expect", "the worst"],
  ["Upgrade", "websocket"],
  ["Origin", "https://evil.example"],
  ["Access-Control-Request-Method", "DELETE"],
  ["X-HTTP-Method-Override", "DELETE"],
  ["X-Forwarded-For", "127.0.0.1, not an address"],
  ["X-Forwarded-Host", "evil.example"],
  ["X-Original-URL", "/v1/webhooks"],
  ["X-Request-Id", "\t"],
  ["X-Long", "x".repeat(LONG)],
  ["X-Longer", "x".repeat(2 * LONG)],
  ["__proto__", "x"],
  ["Bad Name", "x"],
  ["X-Nul", "a\0b"],
  ["X-Fold", "a\r\n b"],
  ["X-Latin", "\xff\xfe"],
  ["Host", "a.example"],
  ["Transfer-Encoding", "gzip"],
  ["Range", "bytes=0-1"],
  ["If-None-Match", "*"],
];

/** Requests to these routes and to the paths beside them: most of their parts as they should be, any of them not. */
export function oddRequests(routes: readonly Route[]): fc.Arbitrary<OddRequest> {
  const perRoute = routes.map(oddRequestTo);
  return fc.oneof(
    { weight: 12, arbitrary: fc.nat({ max: perRoute.length - 1 }).chain((index) => perRoute[index] ?? oddPage) },
    { weight: 1, arbitrary: oddPage },
  );
}

function mostly<T>(weight: number, usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: odd });
}

function oddRequestTo(route: Route): fc.Arbitrary<OddRequest> {
  const { method, operationId, input } = route;
  const body: fc.Arbitrary<string | null> =
    input.body === undefined
      ? mostly<string | null>(5, fc.constant(null), anyJson)
      : mostly<string | null>(12, goodJson(route, "", input.body.describe(), 24), oddBody);
  return fc.record({
    operationId: fc.constant(operationId),
    method: mostly(24, fc.constant<string>(method), fc.constantFrom(...METHODS)),
    target: fc.tuple(oddPath(route), oddQuery(route)).map(([path, query]) => `${path}${query}`),
    authorization: oddAuthorization(route.scope === "operator" ? KEY_MARKS.installation : KEY_MARKS.key),
    headers: mostly(4, fc.constant([]), oddHeaders),
    body,
    coding: oddCoding,
    framing: oddFraming,
  });
}

const oddBody: fc.Arbitrary<string> = fc.oneof(
  anyJson,
  anyText,
  fc.constantFrom(
    "",
    "{",
    "nul",
    "\uFEFF{}",
    '{"a":1}}',
    "[".repeat(50_000),
    '{"type":"a","payload":{}',
    "{'a':1}",
    "NaN",
  ),
);
const oddHeaders = fc.oneof(
  { weight: 8, arbitrary: fc.array(fc.constantFrom(...ODD_HEADERS), { minLength: 1, maxLength: 2 }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(150, 3_000)
      .map((count) => Array.from({ length: count }, (_, at) => [`X${at}`, ""] as const)),
  },
);
const oddCoding = mostly<Coding>(
  14,
  fc.constant("utf-8"),
  fc.constantFrom("utf-16", "bom", "invalid", "cut", "padded", "gzip", "br", "half gzip", "no gzip", "bomb"),
);
const oddFraming = mostly<Framing>(
  20,
  fc.constant("length"),
  fc.constantFrom("chunked", "chunked", "chunked", "too long", "too short", "both", "bad chunk", "negative", "none"),
);

function oddAuthorization(usual: string): fc.Arbitrary<string | null> {
  const { poor, revoked, operator } = KEY_MARKS;
  const odd = fc.constantFrom(
    null,
    "",
    "Bearer",
    "Bearer x",
    "Basic !!!",
    "Digest x",
    `bearer   ${usual}`,
    `Bearer ${usual} ${usual}`,
    `Bearer ${usual}\t`,
    `Bearer ${"x".repeat(3_000)}`,
    "Bearer \xff\0",
    ...[poor, revoked].map((key) => `Bearer ${key}`),
    `Bearer ${operator}`,
    `Basic ${operator}`,
    `Basic ${usual}`,
  );
  return mostly<string | null>(14, fc.constant(`Bearer ${usual}`), odd);
}

const oddPage: fc.Arbitrary<OddRequest> = fc.record({
  operationId: fc.constant(null),
  method: mostly(4, fc.constant("GET"), fc.constantFrom(...METHODS)),
  target: fc.oneof(
    fc.constantFrom(...PUBLIC_PATHS),
    fc.constantFrom(...OPERATOR_PATHS),
    anyText.map((text) => `/${text}`),
  ),
  authorization: mostly<string | null>(2, fc.constant(`Basic ${KEY_MARKS.operator}`), oddAuthorization(KEY_MARKS.key)),
  headers: mostly(3, fc.constant([]), oddHeaders),
  body: mostly<string | null>(4, fc.constant(null), anyJson),
  coding: oddCoding,
  framing: oddFraming,
});

function oddPath(route: Route): fc.Arbitrary<string> {
  const described: Record<string, unknown> = route.input.params?.describe().keys ?? {};
  const variables = Object.keys(described).map((name) => {
    const good = goodText(route, name, Object(described[name]));
    const odd = anyText.map((text) => encodeText(text));
    return mostly(24, good, odd).map((value): [string, string] => [name, value]);
  });
  const good = fc.tuple(...variables).map((values) => {
    const texts = new Map(values);
    return route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => texts.get(name) ?? "");
  });
  const odd = fc
    .tuple(good, fc.constantFrom("upper", "slash", "double", "dots", "coded", "raw", "absolute", "semicolon"))
    .map(([path, how]) => distort(path, how));
  return mostly(30, good, odd);
}

function distort(path: string, how: string): string {
  switch (how) {
    case "upper":
      return path.toUpperCase();
    case "slash":
      return `${path}/`;
    case "double":
      return `/${path.replaceAll("/", "//")}`;
    case "dots":
      return `/x/..${path}/.`;
    case "coded":
      return path.replaceAll("/", "%2f");
    case "raw":
      return `${path}\xff\x00\xc3`;
    case "absolute":
      return `http://evil.example${path}`;
    default:
      return `${path};a=b#c`;
  }
}

function oddQuery(route: Route): fc.Arbitrary<string> {
  const described: Record<string, unknown> = route.input.query?.describe().keys ?? {};
  const known = Object.keys(described).map((name) => {
    const good = goodText(route, name, Object(described[name]));
    const value = mostly(9, good, markOf(route, name) === null ? anyText : tampered(good));
    return value.map((text) => `${name}=${encodeText(text).replaceAll("%40", "@").replaceAll("%3A", ":")}`);
  });
  const odd = fc.oneof(
    anyText.map((text) => encodeText(text)),
    fc.constantFrom(
      "limit=%ff",
      "limit=1&limit=2",
      "a[b]=c",
      "__proto__[x]=1",
      "__proto__=1",
      "=",
      "%",
      "cursor",
      "&&&",
    ),
    fc.constantFrom(300, 5_000).map((count) => "a=&".repeat(count)),
    fc.constant(`limit=${"1".repeat(LONG)}`),
  );
  const some = fc.subarray(known).chain((chosen) => fc.tuple(...chosen));
  const parts = mostly(
    14,
    some,
    odd.map((text) => [text]),
  );
  return parts.map((texts) => (texts.length === 0 ? "" : `?${texts.join("&")}`));
}

// A lone surrogate has no encoding.
function encodeText(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}

/** A cursor or an id with a byte more, less or other. */
function tampered(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(good, fc.constantFrom("A", "=", "~cut", "~flip", "~double", "~base64", "\0"))
    .map(([text, how]) => `${text}${how}`);
}

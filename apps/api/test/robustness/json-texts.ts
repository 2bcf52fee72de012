import fc from "fast-check";

/** Texts that have broken programs before; each character is a byte of the request, so beyond ASCII they are UTF-8. */
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
  "é😀",
  "e\u0301\u0301\u0301",
  "\u202Eevil\u202C",
  "\u200B\uFEFF",
  "\u{10FFFF}",
  "'; DROP TABLE events; --",
  "%",
  "%00",
  "..",
  "../../etc/passwd",
  "__proto__",
  "constructor",
  "toString",
  "a".repeat(129),
  "a".repeat(3_000),
  "0000-01-01T00:00:00Z",
  "9999-12-31T23:59:59-23:59",
  "2026-02-30T00:00:00Z",
  "2026-06-30T23:59:60Z",
  "1969-12-31T23:59:59.999999999Z",
  "00000000-0000-0000-0000-000000000000",
  "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
  "evt_01JBAAAA0000000000000000IL",
  "http://[",
  "https://user@a.example/",
  "https://a.example:99999/",
  "https://xn--/",
  "http://169.254.169.254/",
  "pending",
  "standard",
  "invoice.*",
  "homing.webhook.disabled",
];

// As JSON has them; no double holds most of them.
const NASTY_NUMBERS = [
  "0",
  "-0",
  "-1",
  "0.5",
  "1e400",
  "-1E+400",
  "1e-400",
  "9007199254740993",
  "-9223372036854775809",
  "99999999999999999999999999999999999999999999",
  "2147483648",
  "1.0",
  "3.0e0",
];
const RAW_STRINGS = [
  String.raw`"\ud800"`,
  String.raw`"\udc00\ud800"`,
  String.raw`"a\u0000b"`,
  String.raw`"\u005f_proto__"`,
  String.raw`"\ud83d\ude00"`,
  '"\\/\\b\\f"',
];
const NASTY_NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "",
  "a.b",
  "$ref",
  "id",
  "state",
  "a/b~c",
  "then",
];

/** A text of any kind. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY_TEXTS) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);

const scalar = fc.oneof(
  fc.constantFrom(...NASTY_NUMBERS),
  fc.constantFrom(...RAW_STRINGS),
  fc.constantFrom(
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[null]",
    '{"":""}',
    '{"a":1,"a":2}',
    '{"__proto__":{"type":"a"}}',
  ),
  anyText.map((text) => JSON.stringify(text)),
  fc.integer().map(String),
);
const name = fc.oneof(fc.constantFrom(...NASTY_NAMES), anyText).map((text) => JSON.stringify(text));

/** JSON texts of any shape, with names twice, numbers beyond doubles, and nesting up to and beyond what is taken. */
export const anyJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 4 }).map((items) => `[${items.join()}]`) },
  {
    weight: 3,
    arbitrary: fc.array(fc.tuple(name, scalar), { maxLength: 4 }).map((members) => objectText(members)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(2, 62, 63, 64, 65, 400, 5_000), scalar)
      .map(([levels, inner]) => nest(levels, inner)),
  },
);

/** @param members names and values as JSON texts; a name may come twice */
export function objectText(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([member, value]) => `${member}:${value}`).join()}}`;
}

function nest(levels: number, inner: string): string {
  const half = Math.ceil(levels / 2);
  return `${'[{"a":'.repeat(half)}${inner}${"}]".repeat(half)}`;
}

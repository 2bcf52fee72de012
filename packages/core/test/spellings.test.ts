import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { v7 as uuidv7 } from "uuid";
import { formatEventId, parseEventId } from "../src/events/event-id.js";
import { EVENT_TYPE, EVENT_TYPE_PATTERN, patternsOf } from "../src/webhooks/match.js";
import { isOwnHeader } from "../src/webhooks/headers.js";

test("every UUID has a public spelling that leads back to it, in any case of its letters", () => {
  fc.assert(
    fc.property(fc.uuid(), (uuid) => {
      const spelling = formatEventId(uuid);
      expect(spelling).toMatch(/^evt_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      expect(parseEventId(spelling)).toBe(uuid);
      expect(parseEventId(`evt_${spelling.slice(4).toLowerCase()}`)).toBe(uuid);
      expect(parseEventId(uuid.toUpperCase())).toBe(uuid);
    }),
  );
});

test("public spellings sort as their ids do", () => {
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), (one, other) => {
      expect(formatEventId(one) < formatEventId(other)).toBe(one < other);
    }),
  );
});

test("any text is read without a throw, and what is read is a UUID", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `evt_${text}`),
      ),
      (text) => {
        expect(parseEventId(text) ?? "none").toMatch(/^(none|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/);
      },
    ),
  );
});

test.each([
  "",
  "evt_",
  "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "evt_81ARZ3NDEKTSV4RRFFQ69G5FAV",
  "evt_01ARZ3NDEKTSV4RRFFQ69G5FAU",
  "evt_01ARZ3NDEKTSV4RRFFQ69G5FA",
  "evt_01ARZ3NDEKTSV4RRFFQ69G5FAVV",
  "{018f0000-0000-7000-8000-000000000000}",
  "018f00000000700080000000000000000",
  ` ${uuidv7()}`,
])("%j is no event id", (text) => {
  expect(parseEventId(text)).toBeNull();
});

test.each([
  ["ping", ["ping", "*"]],
  ["invoice.paid", ["invoice.paid", "invoice.*", "*"]],
  ["invoice.paid.late", ["invoice.paid.late", "invoice.*", "invoice.paid.*", "*"]],
])("%s is taken by %j", (type, patterns) => {
  expect(patternsOf(type)).toEqual(patterns);
});

test("whatever takes a type is a valid pattern, and holds no space to be split at", () => {
  const word = fc.stringMatching(/^[A-Za-z0-9_-]+$/);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const type = words.join(".");
      expect(type).toMatch(EVENT_TYPE);
      for (const pattern of patternsOf(type)) expect(pattern).toMatch(EVENT_TYPE_PATTERN);
    }),
  );
});

test.each(["", ".", "a.", ".a", "a..b", "a b", "a.*.b", "*.a", "a*", "**", "ä"])("%j is no pattern", (text) => {
  expect(text).not.toMatch(EVENT_TYPE_PATTERN);
});

test.each([
  ["Webhook-Id", true],
  ["webhook-signature", true],
  ["Content-Type", true],
  ["homing-event-type", true],
  ["authorization", false],
  ["x-webhook-id", false],
])("whether %s is a header of Homing's own: %s", (name, isOwn) => {
  expect(isOwnHeader(name)).toBe(isOwn);
});

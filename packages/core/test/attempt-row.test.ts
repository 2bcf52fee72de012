import { expect, test } from "@jest/globals";
import { requestHeadersOf, responseHeadersOf, toAttemptRow } from "../src/deliveries/attempt-row.js";

const SENT_AT_MS = Date.parse("2026-11-30T10:00:00.900Z");
const SENT = { deliveryId: "0193f2a0-0000-7000-8000-000000000001", eventName: "evt_1", eventType: "user.created" };
const LONE = `v1,${Buffer.alloc(32, 7).toString("base64")}`;
const REQUEST_HEADERS = {
  "content-type": "application/json",
  "user-agent": "Homing/0.1",
  "homing-event-type": "user.created",
  "homing-delivery-id": SENT.deliveryId,
  "webhook-id": "evt_1",
  "webhook-timestamp": String(Math.floor(SENT_AT_MS / 1000)),
  "webhook-signature": LONE,
};
/** 200 ms after it was sent, in the next second. */
const ANSWER_HEADERS = { date: "Mon, 30 Nov 2026 10:00:01 GMT", "content-length": "4" };

function rowOf(requestHeaders: Record<string, string>, headers: Record<string, string>) {
  const result = { outcome: "responded", status: 200, headers, bodyText: "güt", durationMs: 200 } as const;
  return toAttemptRow({ claim: SENT, result, requestHeaders, sentAtMs: SENT_AT_MS });
}

/** As it comes from the database. */
function readBack({ requestHeaders, responseHeaders, ...row }: ReturnType<typeof toAttemptRow>) {
  const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
  return {
    ...row,
    responseStatus: 200,
    requestHeaders: parsed(requestHeaders),
    responseHeaders: parsed(responseHeaders),
  };
}

test.each<[string, Record<string, string>, string | null]>([
  ["what every request has", REQUEST_HEADERS, null],
  ["a header of its own", { ...REQUEST_HEADERS, "x-token": "[redacted]" }, '{"x-token":"[redacted]"}'],
  ["a name that every object has", { ...REQUEST_HEADERS, constructor: "x" }, '{"constructor":"x"}'],
  ["another agent", { ...REQUEST_HEADERS, "user-agent": "Homing/0.2" }, '{"user-agent":"Homing/0.2"}'],
  [
    "several signatures",
    { ...REQUEST_HEADERS, "webhook-signature": `${LONE} ${LONE}` },
    `{"webhook-signature":"${LONE} ${LONE}"}`,
  ],
  [
    "a signature of another length",
    { ...REQUEST_HEADERS, "webhook-signature": "v1,AAAA" },
    '{"webhook-signature":"v1,AAAA"}',
  ],
])("of a request's headers a row keeps what it does not tell, and gives all back: %s", (_, headers, kept) => {
  const row = rowOf(headers, ANSWER_HEADERS);
  expect(row.requestHeaders).toBe(kept);
  expect(requestHeadersOf(readBack(row), SENT)).toEqual(headers);
});

test.each<[string, Record<string, string>, string | null]>([
  ["date and length", ANSWER_HEADERS, null],
  ["more than these", { ...ANSWER_HEADERS, server: "nginx" }, '{"server":"nginx"}'],
  [
    "the date of another clock",
    { ...ANSWER_HEADERS, date: "Mon, 30 Nov 2026 10:00:00 GMT" },
    '{"date":"Mon, 30 Nov 2026 10:00:00 GMT"}',
  ],
  [
    "the length of a body that was kept in part",
    { ...ANSWER_HEADERS, "content-length": "9999" },
    '{"content-length":"9999"}',
  ],
  ["no length", { date: ANSWER_HEADERS.date }, '{"content-length":null}'],
  ["nothing", {}, '{"date":null,"content-length":null}'],
])("of an answer's headers a row keeps what it does not tell, and gives all back: %s", (_, headers, kept) => {
  const row = rowOf(REQUEST_HEADERS, headers);
  expect(row.responseHeaders).toBe(kept);
  expect(responseHeadersOf(readBack(row))).toEqual(headers);
});

test("what had no answer has no headers of one", () => {
  const result = { outcome: "timeout", error: "no complete response within 1 ms", durationMs: 1 } as const;
  const row = toAttemptRow({ claim: SENT, result, requestHeaders: REQUEST_HEADERS, sentAtMs: SENT_AT_MS });
  expect(row).toMatchObject({ responseHeaders: null, responseBody: null });
  expect(responseHeadersOf({ ...row, responseStatus: null })).toBeNull();
});

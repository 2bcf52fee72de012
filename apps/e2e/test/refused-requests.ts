import { randomUUID } from "node:crypto";
import { eventText } from "./client.js";
import { refused } from "./problem.js";

const KIB = 1024;
/** The refusal of input that is not valid, by its faulty parts. */
export const INVALID = (...faults: string[]) => refused(422, "validation_error", faults);

const event = (changes: object) => ({ type: "order.paid", payload: {}, ...changes });
const paddedEvent = (bytes: number) => eventText("order.paid", { padding: "x".repeat(bytes) });
const WEBHOOK = { url: "http://127.0.0.1:9/" };

/** Requests whose body cannot be taken, and how they are refused. */
export const REFUSED_BODIES = [
  { what: "an unknown field", path: "/v1/events", body: event({ colour: "red" }), expected: INVALID("body /colour") },
  { what: "a field of the wrong type", path: "/v1/events", body: event({ type: 5 }), expected: INVALID("body /type") },
  {
    what: "a payload that is a list",
    path: "/v1/events",
    body: event({ payload: [] }),
    expected: INVALID("body /payload"),
  },
  { what: "no payload", path: "/v1/events", body: { type: "a" }, expected: INVALID("body /payload") },
  { what: "a malformed type", path: "/v1/events", body: event({ type: "a..b" }), expected: INVALID("body /type") },
  {
    what: "a malformed time",
    path: "/v1/events",
    body: event({ occurred_at: "noon" }),
    expected: INVALID("body /occurred_at"),
  },
  {
    what: "several faults at once",
    path: "/v1/events",
    body: event({ type: 5, attributes: { "a/b": 1 } }),
    expected: INVALID("body /type", "body /attributes/a~1b"),
  },
  {
    what: "an unknown webhook",
    path: "/v1/events",
    body: event({ webhook_ids: [randomUUID()] }),
    expected: INVALID("body /webhook_ids"),
  },
  { what: "a list for a body", path: "/v1/events", body: "[]", expected: INVALID("body ") },
  { what: "no body", path: "/v1/events", body: "", expected: INVALID("body ") },
  { what: "malformed JSON", path: "/v1/events", body: '{"type":', expected: refused(400, "malformed_json") },
  {
    what: "text that Postgres cannot keep",
    path: "/v1/events",
    body: String.raw`{"type":"a","payload":{"a":"\u0000"}}`,
    expected: INVALID("body /payload/a"),
  },
  {
    what: "bytes that are not UTF-8",
    path: "/v1/events",
    body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    expected: refused(400, "malformed_json"),
  },
  {
    what: "a payload over 256 KiB",
    path: "/v1/events",
    body: paddedEvent(256 * KIB),
    expected: refused(413, "payload_too_large", ["body /payload"]),
  },
  {
    what: "a body far over 256 KiB",
    path: "/v1/events",
    body: paddedEvent(1024 * KIB),
    expected: refused(413, "payload_too_large"),
  },
  { what: "an empty batch", path: "/v1/events/batch", body: { events: [] }, expected: INVALID("body /events") },
  {
    what: "a batch with one faulty event",
    path: "/v1/events/batch",
    body: { events: [event({}), event({ type: "" })] },
    expected: INVALID("body /events/1/type"),
  },
  {
    what: "a batch of more than 1,000 events",
    path: "/v1/events/batch",
    body: { events: Array.from({ length: 1_001 }, () => event({})) },
    expected: INVALID("body /events"),
  },
  {
    what: "a batch with one payload over 256 KiB",
    path: "/v1/events/batch",
    body: `{"events":[${eventText("a", {})},${paddedEvent(256 * KIB)}]}`,
    expected: refused(413, "payload_too_large", ["body /events/1/payload"]),
  },
  {
    what: "a batch over 8 MiB",
    path: "/v1/events/batch",
    body: `{"events":[${Array.from({ length: 40 }, () => paddedEvent(250 * KIB)).join(",")}]}`,
    expected: refused(413, "payload_too_large"),
  },
  {
    what: "a webhook with an unknown field",
    path: "/v1/webhooks",
    body: { ...WEBHOOK, events: ["*"] },
    expected: INVALID("body /events"),
  },
  {
    what: "a webhook with a malformed pattern",
    path: "/v1/webhooks",
    body: { ...WEBHOOK, event_types: ["a.*.b"] },
    expected: INVALID("body /event_types/0"),
  },
  {
    what: "a webhook with a wait that is a text",
    path: "/v1/webhooks",
    body: { ...WEBHOOK, retry_policy: { delays_seconds: ["5"] } },
    expected: INVALID("body /retry_policy/delays_seconds/0"),
  },
  {
    what: "a webhook that sets a header of ours",
    path: "/v1/webhooks",
    body: { ...WEBHOOK, headers: { "webhook-signature": "v1,x" } },
    expected: INVALID("body /headers/webhook-signature"),
  },
  { what: "a webhook without a URL", path: "/v1/webhooks", body: { description: "x" }, expected: INVALID("body /url") },
];

/** GET requests that cannot be taken, and how they are refused. */
export const REFUSED_PATHS = [
  { path: "/v1/deliveries?state=lost", expected: INVALID("query /state") },
  { path: "/v1/deliveries?limit=0", expected: INVALID("query /limit") },
  { path: "/v1/deliveries?webhook_id=5", expected: INVALID("query /webhook_id") },
  { path: "/v1/deliveries?since=yesterday", expected: INVALID("query /since") },
  { path: "/v1/deliveries?colour=red", expected: INVALID("query /colour") },
  { path: "/v1/deliveries?cursor=abc", expected: INVALID("query /cursor") },
  { path: "/v1/deliveries?state=%ff", expected: refused(400, "malformed_request") },
  { path: "/v1/nothing", expected: refused(404, "route_not_found") },
];

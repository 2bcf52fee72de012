import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createOrganization } from "@homing/core/organizations/api-keys";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import { type Client, eventText } from "./client.js";
import { problemOf, refused } from "./problem.js";
import { publishOne } from "./publish-one.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

const KIB = 1024;
const INVALID = (...faults: string[]) => refused(422, "validation_error", faults);

const event = (changes: object) => ({ type: "order.paid", payload: {}, ...changes });
const paddedEvent = (bytes: number) => eventText("order.paid", { padding: "x".repeat(bytes) });
const WEBHOOK = { url: "http://127.0.0.1:9/" };

const BODIES = [
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

const PAGES = [
  { path: "/v1/deliveries?state=lost", expected: INVALID("query /state") },
  { path: "/v1/deliveries?limit=0", expected: INVALID("query /limit") },
  { path: "/v1/deliveries?webhook_id=5", expected: INVALID("query /webhook_id") },
  { path: "/v1/deliveries?since=yesterday", expected: INVALID("query /since") },
  { path: "/v1/deliveries?colour=red", expected: INVALID("query /colour") },
  { path: "/v1/deliveries?cursor=abc", expected: INVALID("query /cursor") },
  { path: "/v1/deliveries?state=%ff", expected: refused(400, "malformed_request") },
  { path: "/v1/nothing", expected: refused(404, "route_not_found") },
];

interface Target {
  method: string;
  /** As in the OpenAPI document. */
  path: string;
}

describeOn(BACKENDS, "a request that cannot be taken", (backend) => {
  const installation = useInstallation({ backend });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test.each(BODIES)("with $what is refused, naming what is wrong", async ({ path, body, expected }) => {
    expect(problemOf(await installation().client.ask("POST", path, { body }))).toEqual(expected);
  });

  test.each(PAGES)("for $path is refused", async ({ path, expected }) => {
    expect(problemOf(await installation().client.ask("GET", path))).toEqual(expected);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""])(
    "as %j is refused as an unsupported media type",
    async (type) => {
      const answer = await installation().client.ask("POST", "/v1/events", {
        body: Buffer.from(eventText("order.paid", {})),
        headers: { "content-type": type },
      });
      expect(problemOf(answer)).toEqual(refused(415, "unsupported_media_type"));
    },
  );

  test.each([null, "hom_", `hom_${"x".repeat(43)}`])("with the key %j is refused as unauthenticated", async (key) => {
    const answer = await installation().client.as(key).ask("GET", "/v1/deliveries");
    expect(problemOf(answer)).toEqual(refused(401, "unauthenticated"));
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("with an Idempotency-Key that was used for another event is refused, with the same event it is a duplicate", async () => {
    const { client } = installation();
    const headers = { "idempotency-key": randomUUID() };
    const ask = (number: number) => client.ask("POST", "/v1/events", { body: eventText("a", { number }), headers });
    const [first, again] = [await ask(1), await ask(1)];
    expect(JSON.parse(again.text)).toEqual({ ...JSON.parse(first.text), duplicate: true });
    expect(problemOf(await ask(2))).toEqual(refused(422, "idempotency_conflict"));
  });

  describe("because of an id", () => {
    let other: Client;
    let targets: Target[];
    let foreign: Record<string, string>;

    beforeAll(async () => {
      const { client, db } = installation();
      const { webhook, delivery, event: published } = await publishOne(client, { url: receiver.url });
      await waitForState(client, delivery.id, "succeeded");
      foreign = { webhook_id: webhook.id, event_id: published.id, delivery_id: delivery.id };
      other = client.as((await createOrganization({ db }, { name: "other" })).key);
      targets = await findTargets(client);
    });

    const answerTo = ({ method, path }: Target, ids: Record<string, string>) =>
      other.ask(method, fill(path, ids), method === "PATCH" ? { body: { description: "mine" } } : {});

    test("covers every route of the API that has one", () => {
      expect(targets.length).toBeGreaterThanOrEqual(14);
      expect(targets).toContainEqual({ method: "POST", path: "/v1/deliveries/{delivery_id}/retry" });
    });

    test("of another organization is answered as if there were no such thing, and changes nothing", async () => {
      const { client } = installation();
      const before = [
        await client.webhook(foreign["webhook_id"] ?? ""),
        await client.delivery(foreign["delivery_id"] ?? ""),
      ];
      for (const target of targets) {
        expect([target, problemOf(await answerTo(target, foreign))]).toEqual([target, refused(404, "not_found")]);
      }
      expect([
        await client.webhook(foreign["webhook_id"] ?? ""),
        await client.delivery(foreign["delivery_id"] ?? ""),
      ]).toEqual(before);
      expect(receiver.requests).toHaveLength(1);
    });

    test("of another organization's webhook cannot be published to, nor are its rows listed", async () => {
      const answer = await other.ask("POST", "/v1/events", { body: event({ webhook_ids: [foreign["webhook_id"]] }) });
      expect(problemOf(answer)).toEqual(INVALID("body /webhook_ids"));
      for (const path of [
        "/v1/webhooks",
        "/v1/events",
        "/v1/deliveries",
        `/v1/deliveries?webhook_id=${foreign["webhook_id"]}`,
      ]) {
        expect(JSON.parse((await other.ask("GET", path)).text)).toEqual({ data: [], next_cursor: null });
      }
    });

    test("that nobody has is answered with 404", async () => {
      const unknown = { webhook_id: randomUUID(), delivery_id: randomUUID(), event_id: randomUUID() };
      for (const target of targets) {
        expect([target, problemOf(await answerTo(target, unknown))]).toEqual([target, refused(404, "not_found")]);
      }
    });

    test.each(["1", "x'; --", "%00", "evt_", "🙂"])(
      "that is malformed, as %j, is refused by its name",
      async (text) => {
        for (const target of targets) {
          const [name = ""] = Object.keys(foreign).filter((key) => target.path.includes(`{${key}}`));
          const ids = { [name]: text.startsWith("%") ? text : encodeURIComponent(text) };
          const { status, code, faults } = problemOf(await answerTo(target, ids));
          expect([target, status, code]).toEqual([target, 422, "validation_error"]);
          expect(faults).toContain(`path /${name}`);
        }
      },
    );

    test("as a cursor of another organization is refused", async () => {
      const { client } = installation();
      await publishOne(client, { url: receiver.url });
      const { next_cursor } = JSON.parse((await client.ask("GET", "/v1/webhooks?limit=1")).text);
      expect(typeof next_cursor).toBe("string");
      const answer = await other.ask("GET", `/v1/webhooks?cursor=${next_cursor}`);
      expect(problemOf(answer)).toEqual(INVALID("query /cursor"));
    });
  });
});

async function findTargets(client: Client): Promise<Target[]> {
  const { paths }: { paths: Record<string, object> } = JSON.parse((await client.ask("GET", "/openapi.json")).text);
  return Object.entries(paths)
    .filter(([path]) => path.includes("{"))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })));
}

function fill(path: string, ids: Record<string, string>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? name);
}

import { SYSTEM } from "@homing/core/audit-log/actor";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createOrganization } from "@homing/core/organizations/create-organization";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import { type Client, eventText } from "./client.js";
import { problemOf, refused } from "./problem.js";
import { publishOne } from "./publish-one.js";
import { INVALID, REFUSED_BODIES, REFUSED_PATHS } from "./refused-requests.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

interface Target {
  method: string;
  /** As in the OpenAPI document. */
  path: string;
}

const NATIVE_ID = /^\/v1\/(webhooks|events|deliveries)\/\{(webhook|event|delivery)_id\}/;

describeOn(BACKENDS, "a request that cannot be taken", (backend) => {
  const installation = useInstallation({ backend });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  test.each(REFUSED_BODIES)("with $what is refused, naming what is wrong", async ({ path, body, expected }) => {
    expect(problemOf(await installation().client.ask("POST", path, { body }))).toEqual(expected);
  });

  test.each(REFUSED_PATHS)("for $path is refused", async ({ path, expected }) => {
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
      other = client.as((await createOrganization({ db, actor: SYSTEM }, { name: "other" })).key);
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
      const answer = await other.ask("POST", "/v1/events", {
        body: { type: "order.paid", payload: {}, webhook_ids: [foreign["webhook_id"]] },
      });
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

/** Of the native API: the contracts spell ids and refusals in their own ways, and have isolation tests of their own. */
async function findTargets(client: Client): Promise<Target[]> {
  const { paths }: { paths: Record<string, object> } = JSON.parse((await client.ask("GET", "/openapi.json")).text);
  return Object.entries(paths)
    .filter(([path]) => NATIVE_ID.test(path))
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })));
}

function fill(path: string, ids: Record<string, string>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? name);
}

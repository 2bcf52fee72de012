import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { freePort } from "@homing/local/free-port";
import { type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import { type Client, createClient } from "./client.js";
import { problemOf, refused } from "./problem.js";
import { publishOne } from "./publish-one.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

const NOT_PUBLIC = ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "0x7f.1"];
const REFUSED_URLS = [
  ...NOT_PUBLIC.map((host) => ({ url: `http://${host}/hook`, reason: /not (a )?public/ })),
  { url: "ftp://example.com/", reason: /scheme must be https or http/ },
  { url: "file:///etc/passwd", reason: /scheme must be https or http/ },
  { url: "https://me:secret@example.com/", reason: /user name or password/ },
  { url: "example.com/hook", reason: /absolute URL/ },
];

describeOn(BACKENDS, "where webhooks may not reach this machine", (backend) => {
  // The API beside the strict one allows loopback, as one would that was configured by mistake.
  const installation = useInstallation({ backend, workerEnv: { EGRESS_ALLOW: "" } });
  let receiver: TestReceiver;
  let strict: Client;

  beforeAll(async () => {
    receiver = await startReceiver();
    const port = await freePort();
    await installation().startApi({ port, env: { EGRESS_ALLOW: "" } });
    strict = createClient(`http://127.0.0.1:${port}`, installation().key);
  });
  afterAll(() => receiver.close());

  describe.each(REFUSED_URLS)("a webhook at $url", ({ url, reason }) => {
    test("is refused when it is made, with the reason at /url", async () => {
      const answer = await strict.ask("POST", "/v1/webhooks", { body: { url } });
      expect(problemOf(answer)).toEqual(refused(422, "validation_error", ["body /url"]));
      expect(JSON.parse(answer.text).errors[0].detail).toMatch(reason);
    });

    test("is refused as another's new URL", async () => {
      const webhook = await strict.createWebhook({ url: "https://203.0.114.1/", event_types: ["nothing.at.all"] });
      const answer = await strict.ask("PATCH", `/v1/webhooks/${webhook.id}`, { body: { url } });
      expect(problemOf(answer)).toEqual(refused(422, "validation_error", ["body /url"]));
      expect((await strict.webhook(webhook.id)).url).toBe("https://203.0.114.1/");
    });
  });

  test.each(["127.0.0.1", "localhost", "0x7f.1"])(
    "a webhook at %s that was let in gets no request: each attempt is recorded as blocked",
    async (host) => {
      const { client } = installation();
      const url = `http://${host}:${receiver.port}/`;
      const policy = { delays_seconds: [0.1], jitter: 0 };
      const { delivery } = await publishOne(client, { url, retry_policy: policy });
      const failed = await waitForState(client, delivery.id, "failed");
      expect(failed).toMatchObject({ attempts_total: 2, last_response_status: null });
      const attempts = await client.attempts(delivery.id);
      expect(attempts.map(({ outcome, response_status }) => [outcome, response_status])).toEqual([
        ["blocked_address", null],
        ["blocked_address", null],
      ]);
      expect(receiver.requests).toHaveLength(0);
    },
  );
});

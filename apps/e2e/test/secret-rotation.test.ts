import { createPublicKey, verify } from "node:crypto";
import { type ReceivedRequest, type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeOn } from "./backends.js";
import { headerOf, verifyWithBoth } from "./received.js";
import { useInstallation } from "./use-installation.js";

const TYPE = "secret.rotated";
const OWN_SECRET = `whsec_${Buffer.alloc(48, "own secret").toString("base64")}`;

interface Jwk {
  kty: string;
  crv: string;
  x: string;
  kid: string;
}

describeOn(["postgres"], "signatures", (backend) => {
  const installation = useInstallation({ backend });
  let receiver: TestReceiver;

  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());

  async function receiveNext(): Promise<ReceivedRequest> {
    const before = receiver.requests.length;
    await installation().client.publish(TYPE, { before });
    const request = (await receiver.waitForRequests(before + 1)).at(-1);
    if (request === undefined) throw new Error("one was waited for");
    return request;
  }

  async function rotate(id: string, body: object): Promise<{ secret: string; public_key: string }> {
    const { status, text } = await installation().client.ask("POST", `/v1/webhooks/${id}/rotate_secret`, { body });
    expect(status).toBe(200);
    return JSON.parse(text);
  }

  async function publicKeys(id: string): Promise<Jwk[]> {
    const { text } = await installation().client.as(null).ask("GET", `/.well-known/jwks.json?webhook_id=${id}`);
    return JSON.parse(text).keys;
  }

  /** The public keys whose signature a request carries. */
  function signersOf(request: ReceivedRequest, keys: readonly Jwk[]): string[] {
    const content = Buffer.concat([
      Buffer.from(`${headerOf(request, "webhook-id")}.${headerOf(request, "webhook-timestamp")}.`),
      request.body,
    ]);
    const signatures = headerOf(request, "webhook-signature").split(" ");
    const made = signatures
      .filter((text) => text.startsWith("v1a,"))
      .map((text) => Buffer.from(text.slice(4), "base64"));
    return keys
      .filter(({ kty, crv, x }) => {
        const key = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
        return made.some((signature) => verify(null, content, key, signature));
      })
      .map(({ kid }) => kid);
  }

  test("are made with the old and the new secret and key until the old ones end, and a leaked one ends at once", async () => {
    const { client, db } = installation();
    const settings = {
      url: receiver.url,
      event_types: [TYPE],
      signature_formats: ["standard_v1a"],
      secret: OWN_SECRET,
    };
    const { id } = await client.createWebhook(settings);
    const [firstKey] = await publicKeys(id);
    const first = await receiveNext();
    verifyWithBoth(first, OWN_SECRET);
    expect(signersOf(first, await publicKeys(id))).toEqual([firstKey?.kid]);

    const { secret, public_key: secondKey } = await rotate(id, { expire_previous_after_seconds: 3_600 });
    const during = await receiveNext();
    verifyWithBoth(during, OWN_SECRET);
    verifyWithBoth(during, secret);
    expect(signersOf(during, await publicKeys(id))).toEqual([secondKey, firstKey?.kid]);

    const hour = 3_600_000;
    const data = { expiresAt: new Date(Date.now() - hour) };
    await db.webhookSecret.updateMany({ where: { webhookId: id, expiresAt: { not: null } }, data });
    await db.webhookSigningKey.updateMany({ where: { webhookId: id, expiresAt: { not: null } }, data });
    const after = await receiveNext();
    verifyWithBoth(after, secret);
    expect(() => verifyWithBoth(after, OWN_SECRET)).toThrow("No matching signature");
    const [onlyKey, ...others] = await publicKeys(id);
    expect({ kid: onlyKey?.kid, others }).toEqual({ kid: secondKey, others: [] });
    expect(signersOf(after, firstKey ? [firstKey] : [])).toEqual([]);

    const { secret: third } = await rotate(id, { expire_previous_after_seconds: 0 });
    const afterLeak = await receiveNext();
    verifyWithBoth(afterLeak, third);
    expect(() => verifyWithBoth(afterLeak, secret)).toThrow("No matching signature");
    expect(signersOf(afterLeak, onlyKey ? [onlyKey] : [])).toEqual([]);
  });

  test("are ten at most of each kind, and receivers' libraries take them all", async () => {
    const { client } = installation();
    const settings = { url: receiver.url, event_types: [TYPE], signature_formats: ["standard_v1a"] };
    const webhook = await client.createWebhook(settings);
    const secrets = [webhook.secret];
    while (secrets.length < 10) secrets.push((await rotate(webhook.id, {})).secret);
    expect((await client.ask("POST", `/v1/webhooks/${webhook.id}/rotate_secret`)).status).toBe(422);
    const before = receiver.requests.length;
    const { status } = await client.ask("POST", `/v1/webhooks/${webhook.id}/test`);
    expect(status).toBe(202);
    const request = (await receiver.waitForRequests(before + 1)).at(-1);
    if (request === undefined) throw new Error("one was waited for");
    for (const secret of secrets) verifyWithBoth(request, secret);
    const keys = await publicKeys(webhook.id);
    expect(keys).toHaveLength(10);
    expect(signersOf(request, keys)).toEqual(keys.map(({ kid }) => kid));
  });
});

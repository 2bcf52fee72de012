import { once } from "node:events";
import { createServer, type Server } from "node:https";
import { type TestCertificate, makeAuthority, makeCertificate } from "@homing/local/test-certificates";
import { type ReceivedRequest, type TestReceiver, startReceiver } from "@homing/local/test-receiver";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { publishOne } from "./publish-one.js";
import { useInstallation } from "./use-installation.js";
import { waitForState } from "./wait-for-deliveries.js";

const SECRET = "s3cr3t-of-ours";

const installation = useInstallation({ backend: "postgres" });
let receiver: TestReceiver;
let tokens: TestReceiver;
/** Lets nobody in who has no certificate by its authority. */
let mutual: Server;
let mutualUrl: string;
let guests: string[];
let authority: TestCertificate;

beforeAll(async () => {
  // It repeats what it was sent: none of it may be recorded.
  receiver = await startReceiver(({ headers: { authorization = "" } }) => ({
    headers: { "x-seen": authorization },
    body: JSON.stringify({ authorization, decoded: Buffer.from(authorization.slice(6), "base64").toString() }),
  }));
  tokens = await startReceiver(() => ({
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ access_token: `${SECRET}-token`, token_type: "Bearer", expires_in: 600 }),
  }));
  authority = await makeAuthority("a private authority");
  guests = [];
  const certificate = await makeCertificate("receiver", { authority });
  const tls = { ...certificate, ca: authority.cert, requestCert: true, rejectUnauthorized: true };
  mutual = createServer(tls, (request, response) => {
    guests.push(String(request.headers["webhook-id"]));
    response.end();
  });
  mutual.listen(0, "127.0.0.1");
  await once(mutual, "listening");
  const address = mutual.address();
  if (typeof address !== "object" || address === null) throw new Error("not a TCP server");
  mutualUrl = `https://127.0.0.1:${address.port}/`;
});

afterAll(async () => {
  await receiver.close();
  await tokens.close();
  mutual.closeAllConnections();
  mutual.close();
});

async function deliver(settings: object, state: "succeeded" | "failed") {
  const { client } = installation();
  const { event, delivery } = await publishOne(client, { url: receiver.url, ...settings });
  await waitForState(client, delivery.id, state);
  const [attempt] = await client.attempts(delivery.id);
  const own: ReceivedRequest | undefined = receiver.requests.find(({ headers }) => headers["webhook-id"] === event.id);
  return { event, attempt, authorization: own?.headers.authorization };
}

test.each<[string, object, string]>([
  [
    "basic",
    { type: "basic", username: "us", password: SECRET },
    `Basic ${Buffer.from(`us:${SECRET}`).toString("base64")}`,
  ],
  ["bearer", { type: "bearer", token: SECRET }, `Bearer ${SECRET}`],
])("%s authentication reaches the receiver, and the record says nothing of it", async (_type, auth, expected) => {
  const { attempt, authorization } = await deliver({ auth }, "succeeded");
  expect(authorization).toBe(expected);
  expect(attempt?.request_headers).toMatchObject({ authorization: "[redacted]" });
  expect(JSON.stringify(attempt)).not.toContain(SECRET);
});

test("client credentials get a token, once for two deliveries, which reaches the receiver and nobody else", async () => {
  const { client } = installation();
  const auth = {
    type: "oauth2_client_credentials",
    token_url: `${tokens.url}token`,
    client_id: "us",
    client_secret: SECRET,
    scope: "hooks",
  };
  const { event, attempt, authorization } = await deliver({ auth }, "succeeded");
  expect(authorization).toBe(`Bearer ${SECRET}-token`);
  expect(attempt?.request_headers).toMatchObject({ authorization: "[redacted]" });
  expect(JSON.stringify(attempt)).not.toContain(SECRET);
  const again = await client.publish((await client.deliveries({ event_id: event.id }))[0]?.event_type ?? "", {});
  const [delivery] = await client.deliveries({ event_id: again.id });
  await waitForState(client, delivery?.id ?? "", "succeeded");
  expect(tokens.requests.map(({ body }) => body.toString())).toEqual(["scope=hooks&grant_type=client_credentials"]);
});

test("a token end-point that refuses is a recorded attempt that names it, and nothing is sent", async () => {
  const refusing = await startReceiver(() => ({
    status: 400,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ error: "invalid_scope", error_description: SECRET }),
  }));
  const auth = {
    type: "oauth2_client_credentials",
    token_url: refusing.url,
    client_id: "us",
    client_secret: SECRET,
  };
  const { attempt, authorization } = await deliver({ auth }, "failed");
  expect(attempt).toMatchObject({
    outcome: "token",
    response_status: null,
    error: "token end-point: responded 400 invalid_scope",
  });
  expect(JSON.stringify(attempt)).not.toContain(SECRET);
  expect(authorization).toBeUndefined();
  await refusing.close();
});

test("a receiver that wants a client certificate by a private authority gets it, and no other webhook gets in", async () => {
  const { cert, key } = await makeCertificate("homing", { authority });
  const tls = { ca_pem: authority.cert, client_certificate_pem: cert, client_key_pem: key };
  const { event } = await deliver({ url: mutualUrl, tls }, "succeeded");
  expect(guests).toEqual([event.id]);
  const stranger = await deliver({ url: mutualUrl, tls: { ca_pem: authority.cert } }, "failed");
  expect(stranger.attempt?.outcome).toMatch(/^(tls|reset)$/);
  const untrusting = await deliver({ url: mutualUrl }, "failed");
  expect(untrusting.attempt?.outcome).toBe("tls");
  expect(guests).toEqual([event.id]);
});

test("no process logs any of it", () => {
  for (const process of installation().running()) expect(process.log()).not.toContain(SECRET);
});

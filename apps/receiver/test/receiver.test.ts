import type { Server } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Webhook } from "standardwebhooks";
import { type ReceiverOptions, createReceiver } from "../src/receiver.js";

const SECRET = `whsec_${Buffer.from("a secret of at least 24 bytes").toString("base64")}`;
const OTHER_SECRET = `whsec_${Buffer.from("another one, used in rotation").toString("base64")}`;

let servers: Server[];
let printed: string[];

beforeEach(() => {
  servers = [];
  printed = [];
});

afterEach(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

async function listen(options: Partial<ReceiverOptions> = {}): Promise<string> {
  const server = createReceiver({ secrets: [], status: undefined, delayMs: 0, failFirst: 0, ...options }, (text) =>
    printed.push(text),
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}/hook?x=1`;
}

function signedHeaders(secret: string, body: string, id = "evt_1", at = new Date()): Record<string, string> {
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign(id, at, body),
  };
}

async function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<number> {
  return (await fetch(url, { method: "POST", body, headers })).status;
}

describe("what is printed of a request", () => {
  test("names method, path, id, time and answer, and shows the event's body pretty", async () => {
    const url = await listen();
    await post(url, '{"type":"invoice.paid","payload":{"n":1}}', { "webhook-id": "evt_7" });
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(/^#1 \d{4}-\d\d-\d\dT[\d:.]+Z POST \/hook\?x=1 -> 200\n {2}webhook-id: evt_7\n/);
    expect(printed[0]).toContain('\n  {\n    "type": "invoice.paid",\n    "payload": {\n      "n": 1\n');
  });

  test.each([
    ["many lines", JSON.stringify(Array.from({ length: 500 }, (_, index) => index))],
    ["one long line", "x".repeat(500_000)],
  ])("is no more than a screenful of a body with %s, and says its size", async (_, body) => {
    await post(await listen(), body);
    expect(printed[0]?.length).toBeLessThan(2_500);
    expect(printed[0]?.split("\n").length).toBeLessThan(50);
    expect(printed[0]).toContain(`… (${body.length} bytes in all)`);
  });

  test("keeps no more than 1 MiB of a body, and answers all the same", async () => {
    expect(await post(await listen(), "x".repeat(3 * 1024 * 1024))).toBe(200);
    expect(printed[0]).toContain("more than 1048576 bytes in all");
  });

  test("holds no control characters of the sender", async () => {
    await post(await listen(), "\u001b[2Jcleared\u202e");
    expect(printed[0]).toContain("\u{fffd}[2Jcleared\u{fffd}");
    expect(printed[0]).not.toContain("\u001b");
  });
});

describe("the signature", () => {
  const body = '{"letter":"é"}';

  test("is valid under the secret", async () => {
    await post(await listen({ secrets: [SECRET] }), body, signedHeaders(SECRET, body));
    expect(printed[0]).toContain("signature: valid\n");
  });

  test.each([[[SECRET, OTHER_SECRET]], [[OTHER_SECRET, SECRET]]])(
    "is valid under either secret of a rotation",
    async (secrets) => {
      await post(await listen({ secrets }), body, signedHeaders(SECRET, body));
      expect(printed[0]).toContain("signature: valid\n");
    },
  );

  test("is invalid with its reason when the body was changed, the secret is another, the time is old or it is missing", async () => {
    const url = await listen({ secrets: [SECRET] });
    const old = new Date(Date.now() - 3_600_000);
    await post(url, `${body} `, signedHeaders(SECRET, body));
    await post(url, body, signedHeaders(OTHER_SECRET, body));
    await post(url, body, signedHeaders(SECRET, body, "evt_1", old));
    await post(url, body);
    const verdicts = printed.map((text) => /signature: (.*)/.exec(text)?.[1]);
    expect(verdicts).toEqual([
      "INVALID (No matching signature found)",
      "INVALID (No matching signature found)",
      "INVALID (Message timestamp too old)",
      "INVALID (Missing required headers)",
    ]);
  });

  test("is not checked without a secret", async () => {
    await post(await listen(), body, signedHeaders(SECRET, body));
    expect(printed[0]).toContain("signature: not checked (no --secret)\n");
  });
});

describe("the answer", () => {
  test("is always the status asked for", async () => {
    const url = await listen({ status: 410 });
    expect([await post(url, "1"), await post(url, "2")]).toEqual([410, 410]);
  });

  test("is 500 to the first requests of each webhook-id, and 200 from then on", async () => {
    const url = await listen({ failFirst: 2 });
    const statuses = [];
    for (const id of ["a", "a", "b", "a", "a", "b", "b"]) statuses.push(await post(url, "{}", { "webhook-id": id }));
    expect(statuses).toEqual([500, 500, 500, 200, 200, 500, 200]);
  });

  test("comes after the delay, while the request is printed at once", async () => {
    const url = await listen({ delayMs: 300 });
    const started = performance.now();
    expect(await post(url, "{}")).toBe(200);
    expect(performance.now() - started).toBeGreaterThanOrEqual(295);
    expect(printed).toHaveLength(1);
  });
});

import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { gzipSync } from "node:zlib";
import { createDatabase } from "@homing/db/client";
import { contractSurfaces } from "../src/contracts/all.js";
import { type HttpServer, listen } from "../src/http-server.js";
import { createTestContext } from "./native/native-api.js";
import { createToyApp, KEY } from "./toy.js";

const BUDGET_BYTES = 1_000;
const LOOPBACK = { host: "127.0.0.1", port: 0 };
const HEADERS = { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" };

let server: HttpServer;

beforeAll(async () => {
  const db = createDatabase({ url: "postgres://127.0.0.1:1/none", connectionsMax: 1, applicationName: "api-test" });
  const contracts = contractSurfaces(createTestContext(db, async () => []));
  server = await listen(createToyApp({ contracts, bodiesBytesMax: BUDGET_BYTES }).app, LOOPBACK);
});

afterAll(() => server.close());

interface Asked {
  path?: string;
  headers?: Record<string, string | number>;
}

/** Sends the head of a request, and what of its body is given. */
function begin({ path = "/v1/toys/echo", headers = {} }: Asked, part = ""): ClientRequest {
  const asked = request({ ...LOOPBACK, port: server.port, method: "POST", path, headers: { ...HEADERS, ...headers } });
  asked.on("error", () => undefined);
  asked.flushHeaders();
  if (part !== "") asked.write(part);
  return asked;
}

interface Answered {
  status: number | undefined;
  headers: IncomingMessage["headers"];
  body: unknown;
}

async function answerTo(asked: ClientRequest): Promise<Answered> {
  const [answer]: IncomingMessage[] = await once(asked, "response");
  if (answer === undefined) throw new Error("no answer");
  const chunks: Buffer[] = await answer.toArray();
  return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(Buffer.concat(chunks).toString()) };
}

async function send(text: string, asked: Asked = {}): Promise<Answered> {
  const headers = { "Content-Length": Buffer.byteLength(text), ...asked.headers };
  const begun = begin({ ...asked, headers });
  begun.end(text);
  return answerTo(begun);
}

/** Asks until the bodies that were begun before have been seen. */
async function sendUntil(status: number): Promise<Answered> {
  for (;;) {
    const answer = await send('{"payload":1}');
    if (answer.status === status) return answer;
  }
}

const HALF = { headers: { "Content-Length": BUDGET_BYTES } };

test("while bodies that are being read fill the budget, others are refused unread, and taken when those are answered", async () => {
  const slow = begin(HALF, '{"payload":"');
  const refused = await sendUntil(503);
  expect(refused.headers["retry-after"]).toBe("1");
  expect(refused.body).toMatchObject({ code: "unavailable", status: 503 });
  slow.end(`${"x".repeat(BUDGET_BYTES - 14)}"}`);
  expect((await answerTo(slow)).status).toBe(200);
  expect((await sendUntil(200)).body).toBe(1);
});

test("a client that goes away in the middle of its body gives its part back", async () => {
  const slow = begin(HALF, '{"payload":"');
  await sendUntil(503);
  slow.destroy();
  expect((await sendUntil(200)).body).toBe(1);
});

test("a body that does not say how long it becomes counts as the longest until it is read, a compressed one too", async () => {
  const open = begin({ headers: { "Transfer-Encoding": "chunked" } }, '{"payload":');
  await sendUntil(503);
  open.end("1}");
  expect((await answerTo(open)).status).toBe(200);
  const packed = gzipSync('{"payload":1}');
  const compressed = begin({ headers: { "Content-Length": packed.length, "Content-Encoding": "gzip" } });
  compressed.write(packed.subarray(0, 5));
  await sendUntil(503);
  compressed.end(packed.subarray(5));
  expect((await answerTo(compressed)).status).toBe(200);
});

test("a body that is larger than the budget is taken when it is alone", async () => {
  expect((await send(`{"payload":"${"x".repeat(2 * BUDGET_BYTES)}"}`)).status).toBe(200);
});

test.each([
  ["theirstack", "/v0/webhooks/events/retry", { error: { code: "E-015" } }],
  ["baanx", "/v1/webhooks/events/0197f3a0-0000-7000-8000-000000000001/retry", { message: expect.any(String) }],
  [
    "kallima",
    "/v1/webhook_deliveries/0197f3a0-0000-7000-8000-000000000001/retry",
    { code: "unavailable", status: 503 },
  ],
  ["b3os", "/v1/execution-webhooks/deliveries/0197f3a0-0000-7000-8000-000000000001/retry", { code: 503, details: [] }],
])("%s says it in its own words", async (_contract, path, body) => {
  const slow = begin(HALF, '{"payload":"');
  await sendUntil(503);
  const refused = await send("{}", { path });
  expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "1" }, body });
  slow.destroy();
  await sendUntil(200);
});

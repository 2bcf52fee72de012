import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { expect, test } from "@jest/globals";
import Joi from "joi";
import { listen } from "../src/http-server.js";
import { createNativeSurface } from "../src/native-surface.js";
import { publicRoute, route } from "../src/route.js";
import { createToyApp, KEY, type ToyApp } from "./toy.js";

/** Sends the start of a request, goes away, and waits for the log to have `linesTotal` lines. */
async function sendAndLeave({ app, lines }: ToyApp, text: string, linesTotal: number): Promise<void> {
  const server = await listen(app, { host: "127.0.0.1", port: 0 });
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(text, () => socket.destroy());
  while (lines.length < linesTotal) await new Promise((resolve) => setImmediate(resolve));
  await server.close();
}

test("a client that goes away in mid-body is no error", async () => {
  const toy = createToyApp();
  const head = [
    "POST /v1/toys HTTP/1.1",
    "Host: x",
    `Authorization: Bearer ${KEY}`,
    "Content-Type: application/json",
    "Content-Length: 99",
  ];
  await sendAndLeave(toy, `${head.join("\r\n")}\r\n\r\n{"name"`, 1);
  expect(toy.lines).toEqual([expect.objectContaining({ level: 30, route: "/v1/toys", status: null, aborted: true })]);
});

test("a failure of ours after the client has left is still logged", async () => {
  const toy = createToyApp({
    board: (_req, res, next) => void res.once("close", () => setImmediate(() => next(new Error("too late")))),
  });
  await sendAndLeave(toy, "GET /ops/queues HTTP/1.1\r\nHost: x\r\n\r\n", 2);
  expect(toy.lines).toEqual([
    expect.objectContaining({ level: 30, aborted: true }),
    expect.objectContaining({ level: 50, err: expect.objectContaining({ message: "too late" }) }),
  ]);
  expect(toy.lines[1]?.["request_id"]).toBe(toy.lines[0]?.["request_id"]);
});

test("a handler that waits is told that its client has left", async () => {
  const reasons: string[] = [];
  const waiting = publicRoute({
    method: "POST",
    path: "/wait",
    operationId: "wait",
    summary: "Waits for ever",
    tag: "toys",
    scope: null,
    input: { params: Joi.object() },
    answers: { 204: { description: "Never" } },
    refusals: [],
    async handle({ clientGone }) {
      await once(clientGone(), "abort");
      reasons.push("gone", clientGone().aborted ? "and still gone" : "and back");
      return { status: 204 };
    },
  });
  const toy = createToyApp({ contracts: [{ ...createNativeSurface([waiting]), owns: (path) => path === "/wait" }] });
  await sendAndLeave(toy, "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 1);
  expect(reasons).toEqual(["gone", "and still gone"]);
  expect(toy.lines).toEqual([expect.objectContaining({ route: "/wait", status: null, aborted: true })]);
});

test("a request whose body was cut off while its key was looked up is not taken for one without a body", async () => {
  const wound: unknown[] = [];
  const wind = route({
    method: "POST",
    path: "/wind",
    operationId: "wind",
    summary: "Does something when nothing is said",
    tag: "toys",
    scope: "events:write",
    bodyOptional: true,
    input: { body: Joi.object({ turns: Joi.number().default(3) }) },
    answers: { 204: { description: "Done" } },
    refusals: [],
    async handle({ body }) {
      wound.push(body);
      return { status: 204 };
    },
  });
  const lookups = new EventEmitter();
  const toy = createToyApp({
    contracts: [{ ...createNativeSurface([wind]), owns: (path) => path === "/wind" }],
    gate: {
      async authenticate(key) {
        if (key === "slow") await once(lookups, "answer");
        return {
          organizationId: "o",
          apiKeyId: "k",
          scopes: ["events:write"],
          by: "api_key" as const,
          webhookId: null,
        };
      },
    },
  });
  // The key is found after the end of the connection and before its close.
  const server = createServer(toy.app).on("clientError", () => lookups.emit("answer"));
  const noticed = once(lookups, "answer");
  await once(server.listen(0, "127.0.0.1"), "listening");
  const port = Number(Object(server.address()).port);
  const head = ["POST /wind HTTP/1.1", "Host: x", "Authorization: Bearer slow", "Content-Length: 7"];
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined).end(`${head.join("\r\n")}\r\n\r\n{}`);
  await noticed;
  const whole = { method: "POST", body: '{"turns":1}' };
  const headers = { authorization: "Bearer quick", "content-type": "application/json" };
  await fetch(`http://127.0.0.1:${port}/wind`, { ...whole, headers });
  expect(wound).toEqual([{ turns: 1 }]);
  server.closeAllConnections();
  server.close();
});

import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "@jest/globals";
import Joi from "joi";
import { listen } from "../src/http-server.js";
import { createNativeSurface } from "../src/native-surface.js";
import { publicRoute } from "../src/route.js";
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

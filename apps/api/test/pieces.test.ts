import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { expect, test } from "@jest/globals";
import Joi from "joi";
import { type HttpServer, listen } from "../src/http-server.js";
import { createNativeSurface } from "../src/native-surface.js";
import { bodyOfPieces, listPieces } from "../src/pieces.js";
import { publicRoute } from "../src/route.js";
import { createToyApp, type ToyApp } from "./toy.js";

const KIB = 1024;
const LOOPBACK = { host: "127.0.0.1", port: 0 };
/** 256 MiB: more than sockets take in without being read. */
const TOO_MANY = 4_000;

interface Served extends ToyApp {
  server: HttpServer;
  /** How many items were asked for. */
  asked: () => number;
  /** Whether the items' source was told that no more are wanted. */
  isOver: () => boolean;
  list: () => Promise<Response>;
}

/** Serves a list of so many texts of 64 KiB each; the one at `failsAt` cannot be had. */
async function serveList(itemsTotal: number, failsAt = Infinity): Promise<Served> {
  let asked = 0;
  let isOver = false;
  async function* items(): AsyncGenerator<string> {
    try {
      while (asked < itemsTotal) {
        if (asked === failsAt) throw new Error("an item is gone");
        asked += 1;
        yield String(asked).padStart(64 * KIB, "x");
      }
    } finally {
      isOver = true;
    }
  }
  const route = publicRoute({
    method: "GET",
    path: "/list",
    operationId: "list",
    summary: "A list",
    tag: "toys",
    scope: null,
    input: {},
    answers: { 200: { description: "The texts", schema: Joi.array().items(Joi.string()) } },
    refusals: [],
    async handle() {
      const pieces = listPieces(items(), { toJson: (item) => JSON.stringify(item) });
      return { status: 200, body: await bodyOfPieces(pieces) };
    },
  });
  const toy = createToyApp({ contracts: [{ ...createNativeSurface([route]), owns: (path) => path === "/list" }] });
  const server = await listen(toy.app, LOOPBACK);
  return {
    ...toy,
    server,
    asked: () => asked,
    isOver: () => isOver,
    list: () => fetch(`http://${LOOPBACK.host}:${server.port}/list`),
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

test.each([0, 1, 5])("a short list of %d items is sent whole, with its length", async (itemsTotal) => {
  const { server, list } = await serveList(itemsTotal);
  const answer = await list();
  const text = await answer.text();
  expect(answer.headers.get("content-length")).toBe(String(text.length));
  expect(JSON.parse(text)).toHaveLength(itemsTotal);
  await server.close();
});

test("a long one is sent in pieces, whole and in order", async () => {
  const { server, list } = await serveList(200);
  const answer = await list();
  expect(answer.headers.get("content-length")).toBeNull();
  expect(answer.headers.get("content-type")).toBe("application/json");
  const texts: string[] = JSON.parse(await answer.text());
  expect(texts.map((text) => Number(text.replaceAll("x", "")))).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
  await server.close();
});

test("no more than 1 MiB and one piece is asked for before anybody reads", async () => {
  let asked = 0;
  async function* pieces(): AsyncGenerator<string> {
    for (; asked < TOO_MANY; asked++) yield "x".repeat(64 * KIB);
  }
  const body = await bodyOfPieces(pieces());
  expect(body).toBeInstanceOf(Readable);
  expect(asked).toBeLessThanOrEqual(1024 / 64 + 1);
});

test("a reader that leaves ends the loading", async () => {
  const { server, asked, isOver, lines } = await serveList(TOO_MANY);
  const socket = connect(server.port, LOOPBACK.host);
  await once(socket, "connect");
  socket.pause();
  socket.write("GET /list HTTP/1.1\r\nHost: x\r\n\r\n");
  await until(() => asked() > 0);
  socket.destroy();
  await until(() => isOver() && lines.length > 0);
  expect(asked()).toBeLessThan(TOO_MANY);
  expect(lines).toEqual([expect.objectContaining({ level: 30, route: "/list", status: null, aborted: true })]);
  await server.close();
});

test("a fault at the start is an answer of its own", async () => {
  const { server, list } = await serveList(200, 3);
  const answer = await list();
  expect(answer.status).toBe(500);
  expect(await answer.json()).toMatchObject({ code: "internal_error" });
  await server.close();
});

test("a fault midway cuts the answer off and is logged", async () => {
  const { server, list, lines } = await serveList(200, 150);
  const answer = await list();
  expect(answer.status).toBe(200);
  await expect(answer.text()).rejects.toThrow();
  await until(() => lines.some(({ err }) => err !== undefined));
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 50, err: expect.objectContaining({ message: "an item is gone" }) }),
  );
  await server.close();
});

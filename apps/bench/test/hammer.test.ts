import { createServer, type RequestListener, type Server } from "node:http";
import { afterEach, expect, test } from "@jest/globals";
import { hammer } from "../src/hammer.js";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

const LOAD = { headers: {}, connections: 4, durationMs: 1_000, bodies: ["one", "two"] };

test("every event in an answer with 202 counts as acknowledged, and nothing else does", async () => {
  const answered = new Set<string>();
  let requests = 0;
  const url = await serve((_request, response) => {
    requests += 1;
    const ids = [`evt_${requests}`, `evt_${requests}b`];
    if (requests % 3 === 0) {
      response.writeHead(requests % 2 === 0 ? 503 : 422).end(JSON.stringify({ id: "refused" }));
      return;
    }
    for (const id of ids) answered.add(id);
    response.writeHead(202).end(JSON.stringify({ data: ids.map((id) => ({ id, matched_webhooks: 1 })) }));
  });
  const result = await hammer({ url, ...LOAD });
  // A server that is full is slow, not wrong.
  expect(result.putOff).toBeGreaterThan(0);
  expect(result.eventIds.length).toBe(2 * result.accepted);
  expect(new Set(result.eventIds).size).toBe(result.eventIds.length);
  expect(result.eventIds.filter((id) => !answered.has(id))).toEqual([]);
  expect(result.refused).toBeGreaterThan(0);
});

test("a server that cannot be reached accepts nothing", async () => {
  const result = await hammer({ url: "http://127.0.0.1:1", ...LOAD });
  expect(result).toMatchObject({ accepted: 0, putOff: 0, eventIds: [] });
  expect(result.refused).toBeGreaterThan(0);
});

import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { makeAuthority, makeCertificate, type TestCertificate } from "@homing/local/test-certificates";
import { waitFor } from "@homing/local/wait-for";
import { aRequest, cleanUp, type Receiver, startHttp, startHttps, startSender } from "./receivers.js";

afterEach(cleanUp);

const SECRET = "s3cr3t";

interface TokenServer extends Receiver {
  url: string;
  /** What was asked, oldest first. */
  asked: { authorization: string | undefined; body: string }[];
}

/** A real token end-point: `token <n>` for the n-th request, unless told otherwise. */
async function startTokens(
  answer: (count: number, response: ServerResponse) => unknown = (count, response) =>
    json(response, 200, { access_token: `token-${count}`, token_type: "Bearer", expires_in: 3600 }),
): Promise<TokenServer> {
  const asked: TokenServer["asked"] = [];
  const receiver = await startHttp(async (request, response) => {
    const { authorization } = request.headers;
    asked.push({ authorization, body: (await request.toArray()).join("") });
    await answer(asked.length, response);
  });
  return { ...receiver, asked, url: `http://127.0.0.1:${receiver.port}/token` };
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** A receiver that takes one token and refuses all others. */
function startGuarded(token: () => string): Promise<Receiver> {
  return startHttp((request: IncomingMessage, response: ServerResponse) =>
    response.writeHead(request.headers.authorization === `Bearer ${token()}` ? 200 : 401).end(),
  );
}

function credentials(tokenUrl: string, rest: object = {}) {
  return { id: "webhook 1", tokenUrl, clientId: "us:1", clientSecret: SECRET, ...rest };
}

describe("client credentials", () => {
  test("a token is got as RFC 6749 says, sent as a bearer's, and kept for the next request", async () => {
    const tokens = await startTokens();
    const receiver = await startGuarded(() => "token-1");
    const sender = startSender();
    const oauth2 = credentials(tokens.url, { scope: "a b", audience: "https://api.example/" });
    for (let times = 0; times < 3; times += 1) {
      expect(await sender.send(aRequest(receiver, { oauth2 }))).toMatchObject({ outcome: "responded", status: 200 });
    }
    expect(tokens.asked).toHaveLength(1);
    expect(tokens.asked[0]?.authorization).toBe(`Basic ${Buffer.from(`us%3A1:${SECRET}`).toString("base64")}`);
    expect(Object.fromEntries(new URLSearchParams(tokens.asked[0]?.body))).toEqual({
      grant_type: "client_credentials",
      scope: "a b",
      audience: "https://api.example/",
    });
  });

  test("a token is fetched once for all requests that want it at the same time, and each webhook has its own", async () => {
    const tokens = await startTokens();
    const receiver = await startHttp((request, response) => response.end(request.headers.authorization));
    const sender = startSender();
    const ids = ["webhook 1", "webhook 2"].flatMap((id) => Array<string>(20).fill(id));
    const results = await Promise.all(
      ids.map((id) => sender.send(aRequest(receiver, { oauth2: { ...credentials(tokens.url), id } }))),
    );
    expect(tokens.asked).toHaveLength(2);
    expect(new Set(results.map(({ bodyText }) => bodyText))).toEqual(new Set(["Bearer token-1", "Bearer token-2"]));
  });

  test("a token is given up before it ends", async () => {
    const tokens = await startTokens((count, response) =>
      json(response, 200, { access_token: `token-${count}`, token_type: "bearer", expires_in: 1 }),
    );
    const receiver = await startHttp((_request, response) => response.end());
    const sender = startSender();
    const oauth2 = credentials(tokens.url);
    const isRenewed = await waitFor(
      async () => {
        await sender.send(aRequest(receiver, { oauth2 }));
        return tokens.asked.length > 1;
      },
      { what: "another token", timeoutMs: 900 },
    );
    expect(isRenewed).toBe(true);
  });

  test("a 401 to a token that was kept is tried again once, with a new one", async () => {
    const tokens = await startTokens();
    let valid = "token-1";
    const receiver = await startGuarded(() => valid);
    const sender = startSender();
    const oauth2 = credentials(tokens.url);
    expect(await sender.send(aRequest(receiver, { oauth2 }))).toMatchObject({ status: 200 });
    valid = "token-2";
    expect(await sender.send(aRequest(receiver, { oauth2 }))).toMatchObject({ status: 200 });
    expect(tokens.asked).toHaveLength(2);
  });

  test("a 401 to a new token is the answer, and it is not kept", async () => {
    const tokens = await startTokens();
    let requests = 0;
    const receiver = await startHttp((_request, response) => {
      requests += 1;
      response.writeHead(401).end("no");
    });
    const sender = startSender();
    const oauth2 = credentials(tokens.url);
    for (let times = 1; times <= 3; times += 1) {
      const result = await sender.send(aRequest(receiver, { oauth2 }));
      expect(result).toMatchObject({ outcome: "responded", status: 401, bodyText: "no" });
      expect([tokens.asked.length, requests]).toEqual([times, times]);
    }
  });

  test.each<[string, (count: number, response: ServerResponse) => unknown, string]>([
    [
      "refuses the client",
      (_, response) => json(response, 401, { error: "invalid_client", error_description: SECRET }),
      "responded 401 invalid_client",
    ],
    [
      "asks for other credentials",
      (_, response) => response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end(),
      "responded 401",
    ],
    ["says more than a code", (_, response) => json(response, 400, { error: `oh ${SECRET}` }), "responded 400"],
    [
      "redirects",
      (_, response) => response.writeHead(302, { location: "/other" }).end(),
      "responded 302 without a token",
    ],
    ["fails", (_, response) => response.writeHead(500).end(SECRET), "responded 500 without a token"],
    ["answers no JSON", (_, response) => response.end(SECRET), "responded 200 without a token"],
    [
      "answers no token",
      (_, response) => json(response, 200, { token_type: "bearer" }),
      "responded 200 without a token",
    ],
    [
      "answers a token of another kind",
      (_, response) => json(response, 200, { access_token: "t", token_type: "mac" }),
      "responded 200 without a token",
    ],
    [
      "answers a token with a line end",
      (_, response) => json(response, 200, { access_token: "t\r\nX-A: b", token_type: "bearer" }),
      "the token cannot be sent in a header",
    ],
    ["hangs up", (_, response) => response.destroy(), "reset: "],
  ])(
    "an end-point that %s is a recordable failure that names the stage, without secrets",
    async (_name, answer, error) => {
      const tokens = await startTokens(answer);
      const receiver = await startHttp((_request, response) => response.end());
      const result = await startSender().send(aRequest(receiver, { oauth2: credentials(tokens.url) }));
      expect(result).toMatchObject({ outcome: "token", error: expect.stringContaining(`token end-point: ${error}`) });
      expect(JSON.stringify(result)).not.toContain(SECRET);
      expect(receiver.connections).toHaveLength(0);
    },
  );

  test("one deadline covers the token, too", async () => {
    const tokens = await startTokens(() => undefined);
    const receiver = await startHttp((_request, response) => response.end());
    const result = await startSender().send(aRequest(receiver, { oauth2: credentials(tokens.url), timeoutMs: 50 }));
    expect(result).toMatchObject({ outcome: "token", error: "token end-point: timeout: no token within 50 ms" });
  });

  test("a stop of ours while the token is awaited is one", async () => {
    const tokens = await startTokens(() => undefined);
    const receiver = await startHttp((_request, response) => response.end());
    const cutOff = new AbortController();
    const sending = startSender().send(aRequest(receiver, { oauth2: credentials(tokens.url), signal: cutOff.signal }));
    await waitFor(() => tokens.asked.length > 0, { what: "the token end-point to be asked" });
    cutOff.abort();
    expect(await sending).toMatchObject({ outcome: "aborted" });
  });

  test("the end-point is held to the same policy", async () => {
    const tokens = await startTokens();
    const receiver = await startHttp((_request, response) => response.end());
    const sender = startSender({ allow: ["127.0.0.1/32"], lookup: async () => ["10.0.0.1"] });
    const oauth2 = credentials(`http://inside.example:${tokens.port}/token`);
    expect(await sender.send(aRequest(receiver, { oauth2 }))).toMatchObject({
      outcome: "token",
      error: expect.stringContaining("blocked_address"),
    });
  });
});

describe("TLS of a webhook's own", () => {
  let authority: TestCertificate;
  let server: TestCertificate;
  let client: TestCertificate;

  beforeAll(async () => {
    authority = await makeAuthority("a private authority");
    server = await makeCertificate("receiver", { authority });
    client = await makeCertificate("homing", { authority });
  });

  function startMutual(): Promise<Receiver> {
    const tls = { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true };
    return startHttps((_request, response) => response.end("in"), tls);
  }

  test("a receiver of a private authority that wants a certificate gets it, over one connection", async () => {
    const receiver = await startMutual();
    const sender = startSender();
    const tls = { id: "webhook 1", ca: authority.cert, ...client };
    for (let times = 0; times < 3; times += 1) {
      const result = await sender.send(aRequest(`https://127.0.0.1:${receiver.port}/`, { tls }));
      expect(result).toMatchObject({ outcome: "responded", status: 200, bodyText: "in" });
    }
    expect(receiver.connections).toHaveLength(1);
  });

  test.each<[string, () => object | undefined]>([
    ["without TLS settings", () => undefined],
    ["with the authority alone", () => ({ id: "a", ca: authority.cert })],
    ["with the certificate alone", () => ({ id: "b", ...client })],
  ])("%s it ends as tls: verification stays on, on both sides", async (_name, settings) => {
    const receiver = await startMutual();
    const tls = settings();
    const result = await startSender().send(
      aRequest(`https://127.0.0.1:${receiver.port}/`, tls && { tls: { id: "x", ...tls } }),
    );
    expect(result).toMatchObject({ outcome: expect.stringMatching(/^(tls|reset)$/) });
  });

  test("one webhook's connections and certificate are never another's", async () => {
    const receiver = await startMutual();
    const sender = startSender();
    const url = `https://127.0.0.1:${receiver.port}/`;
    expect(await sender.send(aRequest(url, { tls: { id: "1", ca: authority.cert, ...client } }))).toMatchObject({
      status: 200,
    });
    const other = await sender.send(aRequest(url, { tls: { id: "2", ca: authority.cert } }));
    expect(other).not.toHaveProperty("status");
  });

  test("a certificate for another name is refused", async () => {
    const receiver = await startHttps((_request, response) => response.end(), server);
    const sender = startSender({ lookup: async () => ["127.0.0.1"] });
    const url = `https://other.example:${receiver.port}/`;
    expect(await sender.send(aRequest(url, { tls: { id: "1", ca: authority.cert } }))).toMatchObject({
      outcome: "tls",
    });
  });

  test("however many settings there are, connections stay bounded, and those that are given up are closed", async () => {
    const receiver = await startHttps((_request, response) => response.end(), server);
    const sender = startSender({ connectionsMax: 300 });
    const url = `https://127.0.0.1:${receiver.port}/`;
    for (let number = 0; number < 220; number += 1) {
      const tls = { id: `webhook ${number}`, ca: authority.cert };
      expect(await sender.send(aRequest(url, { tls }))).toMatchObject({ outcome: "responded" });
    }
    await waitFor(() => receiver.connections.filter(({ destroyed }) => !destroyed).length <= 200, {
      what: "connections to be closed",
    });
  });
});

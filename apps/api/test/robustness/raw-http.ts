import { connect } from "node:net";

const HEAD_END = "\r\n\r\n";
const LINE_END = "\r\n";

/** What came of one request. `closed`: the server ended the connection without an answer. */
export type RawOutcome = RawAnswer | { kind: "closed" } | { kind: "hung" };

export interface RawAnswer {
  kind: "answered";
  status: number;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  body: Buffer;
}

export interface RawRequest {
  bytes: Buffer;
  /** The client says no more though its request is not whole. */
  endsEarly: boolean;
}

/** Sends bytes as they are on a connection of their own and reads until the server closes it. */
export function sendRaw(port: number, { bytes, endsEarly }: RawRequest, limitMs: number): Promise<RawOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const chunks: Buffer[] = [];
    let isHung = false;
    const timer = setTimeout(() => {
      isHung = true;
      socket.destroy();
    }, limitMs);
    socket.on("data", (chunk) => chunks.push(chunk));
    // A server that refuses a request unread may cut it off.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(isHung ? { kind: "hung" } : parseAnswer(Buffer.concat(chunks)));
    });
    if (endsEarly) socket.end(bytes);
    else socket.write(bytes);
  });
}

/** The first answer that is not an interim one. */
function parseAnswer(received: Buffer): RawOutcome {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return { kind: "closed" };
  const [first = "", ...lines] = received.toString("latin1", 0, headEnd).split(LINE_END);
  const rest = received.subarray(headEnd + HEAD_END.length);
  const status = Number(first.split(" ")[1]);
  if (status < 200) return parseAnswer(rest);
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = headers.get("transfer-encoding") === "chunked" ? joinChunks(rest) : rest;
  return { kind: "answered", status, headers, body };
}

function joinChunks(framed: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < framed.length;) {
    const lineEnd = framed.indexOf(LINE_END, at);
    const bytes = Number.parseInt(framed.toString("latin1", at, lineEnd), 16);
    if (lineEnd === -1 || !(bytes > 0)) break;
    parts.push(framed.subarray(lineEnd + 2, lineEnd + 2 + bytes));
    at = lineEnd + 2 + bytes + 2;
  }
  return Buffer.concat(parts);
}

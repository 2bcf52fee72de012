import { type Socket, connect } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";

export interface RawAnswer {
  status: number;
  text: string;
}

/**
 * Prepares to send one POST without a body so many times in one moment, each over a connection of its own that stands already. An
 * HTTP client would spread them over tens of milliseconds, in which an attempt has its end.
 * @returns sends them before it returns a promise of their answers
 */
export async function preparePosts(options: {
  url: string;
  path: string;
  key: string;
  times: number;
}): Promise<() => Promise<RawAnswer[]>> {
  const { url, path, key, times } = options;
  const { hostname, port, host } = new URL(url);
  const sockets = await Promise.all(Array.from({ length: times }, () => openConnection(hostname, Number(port))));
  const head = [`POST ${path} HTTP/1.1`, `Host: ${host}`, `Authorization: Bearer ${key}`, "Connection: close"];
  const request = Buffer.from(`${head.join("\r\n")}\r\n\r\n`);
  return () => {
    for (const socket of sockets) socket.write(request);
    return Promise.all(sockets.map(readAnswer));
  };
}

/** A connection that the server has accepted: it has answered on it. */
async function openConnection(hostname: string, port: number): Promise<Socket> {
  const socket = connect(port, hostname);
  await once(socket, "connect");
  socket.write(`GET /livez HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await once(socket, "data");
  return socket;
}

async function readAnswer(socket: Socket): Promise<RawAnswer> {
  const answer = await text(socket);
  const [head = "", ...body] = answer.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), text: body.join("\r\n\r\n") };
}

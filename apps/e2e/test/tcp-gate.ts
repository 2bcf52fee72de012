import { type Socket, connect, createServer } from "node:net";

const HOST = "127.0.0.1";

/** A TCP address before another one, through which nothing more is sent while it is shut. */
export interface TcpGate {
  port: number;
  /** Holds back whatever the clients send, until it is opened. */
  shut(): void;
  open(): void;
  close(): Promise<void>;
}

/** Puts a gate before a port of this machine. */
export async function startTcpGate(targetPort: number): Promise<TcpGate> {
  const clients = new Set<Socket>();
  let isShut = false;
  const server = createServer((client) => {
    const target = connect(targetPort, HOST);
    clients.add(client);
    client.on("data", (chunk) => target.write(chunk));
    target.on("data", (chunk) => client.write(chunk));
    for (const socket of [client, target]) socket.on("error", () => socket.destroy());
    client.on("close", () => {
      clients.delete(client);
      target.destroy();
    });
    target.on("close", () => client.destroy());
    if (isShut) client.pause();
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("a TCP server has no port"));
      else resolve(address.port);
    });
  });
  return {
    port,
    shut() {
      isShut = true;
      for (const client of clients) client.pause();
    },
    open() {
      isShut = false;
      for (const client of clients) client.resume();
    },
    close() {
      for (const client of clients) client.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

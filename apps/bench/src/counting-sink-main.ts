import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { CERTIFICATE, CERTIFICATE_KEY } from "@homing/local/certificate";
import { ownEnv } from "./config.js";
import type { CountingMessage } from "./counting-sink.js";

const TELL_PAUSE_MS = 50;

// One entry for each delivery taken: what comes a second time is a repeat.
const deliveryIds = new Set<string>();
let requests = 0;
let told = 0;

function say(message: CountingMessage): void {
  process.send?.(message);
}

/** The path says after how many milliseconds it answers: `/50/name`. */
const receive: RequestListener = (request, response) => {
  const deliveryId = request.headers["homing-delivery-id"];
  // What is no delivery is answered, and counts for nothing.
  if (typeof deliveryId === "string") {
    requests += 1;
    deliveryIds.add(deliveryId);
  }
  const delayMs = Number(request.url?.split("/")[1]);
  request.resume();
  request.on("end", () => {
    if (delayMs > 0) setTimeout(() => response.end(), delayMs);
    else response.end();
  });
};
const server = ownEnv().isTls
  ? createTlsServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, receive)
  : createServer(receive);
server.keepAliveTimeout = 60_000;

// The runner is gone, however it went.
process.once("disconnect", () => process.exit(0));
setInterval(() => {
  if (requests === told) return;
  told = requests;
  say({ kind: "counts", requests, deliveries: deliveryIds.size });
}, TELL_PAUSE_MS);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) say({ kind: "listening", port: address.port });
});

import { createHash, timingSafeEqual } from "node:crypto";
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import type { Queue } from "bullmq";
import express, { type RequestHandler, type Router } from "express";

/** Where the board lives. */
export const BOARD_PATH = "/ops/queues";

const BASIC = /^Basic +([A-Za-z0-9+/]+=*)$/i;

export interface Operator {
  username: string;
  password: string;
}

/** Bull Board over the queues, for the operator alone (HTTP Basic); to be mounted at `BOARD_PATH`. */
export function createBoard(queues: readonly Queue[], operator: Operator): Router {
  const adapter = new ExpressAdapter().setBasePath(BOARD_PATH);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue)),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: "Homing" } },
  });
  const router = express.Router();
  router.use(requireOperator(operator), refuseForeignPages, adapter.getRouter());
  return router;
}

function requireOperator({ username, password }: Operator): RequestHandler {
  const expected = digest(`${username}:${password}`);
  return (req, res, next) => {
    const given = BASIC.exec(req.headers.authorization ?? "")?.[1] ?? "";
    if (timingSafeEqual(digest(Buffer.from(given, "base64")), expected)) {
      next();
      return;
    }
    res
      .status(401)
      .set("WWW-Authenticate", 'Basic realm="ops", charset="UTF-8"')
      .type("text/plain")
      .send("Unauthorized\n");
  };
}

// A browser sends the operator's password along whatever page asks: only the board's own may change anything.
const refuseForeignPages: RequestHandler = (req, res, next) => {
  const site = req.headers["sec-fetch-site"] ?? "none";
  if (req.method === "GET" || req.method === "HEAD" || site === "same-origin" || site === "none") {
    next();
    return;
  }
  res.status(403).type("text/plain").send("Forbidden\n");
};

function digest(value: string | Buffer): Buffer {
  return createHash("sha256").update(value).digest();
}

import { createHash, timingSafeEqual } from "node:crypto";
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import type { Queue } from "bullmq";
import express, { type RequestHandler, type Router } from "express";
import { clientAddress } from "../client-address.js";
import type { FailedLogins } from "../failed-logins.js";

/** Where the board lives. */
export const BOARD_PATH = "/ops/queues";

const BASIC = /^Basic +([A-Za-z0-9+/]+=*)$/i;

/** Who may see the board: not the credential that opens the operator's routes. */
export interface BoardLogin {
  username: string;
  password: string;
}

/** Bull Board over the queues, for the operator alone (HTTP Basic); to be mounted at `BOARD_PATH`. */
export function createBoard(queues: readonly Queue[], login: BoardLogin, failedLogins: FailedLogins): Router {
  const adapter = new ExpressAdapter().setBasePath(BOARD_PATH);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue)),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: "Homing" } },
  });
  const router = express.Router();
  router.use(requireLogin(login, failedLogins), refuseForeignPages, adapter.getRouter());
  return router;
}

function requireLogin({ username, password }: BoardLogin, failedLogins: FailedLogins): RequestHandler {
  const expected = digest(`${username}:${password}`);
  return (req, res, next) => {
    const given = Buffer.from(BASIC.exec(req.headers.authorization ?? "")?.[1] ?? "", "base64");
    const isRight = timingSafeEqual(digest(given), expected);
    const login = { address: clientAddress(req), name: nameOf(given) };
    const waitSeconds = failedLogins.blockedSeconds(login);
    // Even with the right password: the answer must not tell it from the wrong ones.
    if (waitSeconds !== null) {
      res.status(429).set("Retry-After", String(waitSeconds)).type("text/plain").send("Too many requests\n");
      return;
    }
    if (isRight) {
      failedLogins.succeed(login);
      next();
      return;
    }
    // A browser that does not know yet that it is asked for a credential has not failed.
    if (req.headers.authorization !== undefined) failedLogins.fail(login);
    res
      .status(401)
      .set("WWW-Authenticate", 'Basic realm="ops", charset="UTF-8"')
      .type("text/plain")
      .send("Unauthorized\n");
  };
}

function nameOf(credential: Buffer): string {
  return credential.toString("utf8").split(":", 1)[0] ?? "";
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

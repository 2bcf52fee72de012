import { pipeline, Readable } from "node:stream";
import type { Response } from "express";
import { recordOf } from "./request-record.js";
import type { Answer } from "./route.js";

/** Writes an answer; `contentType` says what its body is. Nothing about it may be stored by caches. */
export function sendAnswer(res: Response, answer: Answer, contentType = "application/json"): void {
  res.statusCode = answer.status;
  res.setHeader("Cache-Control", "no-store");
  for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
  if (answer.body === undefined) {
    res.end();
    return;
  }
  res.setHeader("Content-Type", contentType);
  if (answer.body instanceof Readable) {
    sendStream(res, answer.body);
    return;
  }
  const bytes = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(JSON.stringify(answer.body));
  res.setHeader("Content-Length", bytes.length);
  res.end(bytes);
}

/** A fault midway cuts the connection, so that nobody takes half of an answer for the whole. */
function sendStream(res: Response, body: Readable): void {
  pipeline(body, res, (error) => {
    if (error && error.code !== "ERR_STREAM_PREMATURE_CLOSE") recordOf(res).fail(error);
  });
}

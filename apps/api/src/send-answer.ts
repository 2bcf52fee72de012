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
  // Text leaves in one piece with the head; bytes would be written beside it.
  const content = Buffer.isBuffer(answer.body) ? answer.body : JSON.stringify(answer.body);
  res.setHeader("Content-Length", Buffer.byteLength(content));
  res.end(content);
}

/** A fault midway cuts the connection, so that nobody takes half of an answer for the whole. */
function sendStream(res: Response, body: Readable): void {
  pipeline(body, res, (error) => {
    if (error && error.code !== "ERR_STREAM_PREMATURE_CLOSE") recordOf(res).fail(error);
  });
}

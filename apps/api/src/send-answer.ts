import type { Response } from "express";
import type { Answer } from "./route.js";

/** Writes an answer whole; `contentType` says what its body is. Nothing about it may be stored by caches. */
export function sendAnswer(res: Response, answer: Answer, contentType = "application/json"): void {
  res.statusCode = answer.status;
  res.setHeader("Cache-Control", "no-store");
  for (const [name, value] of Object.entries(answer.headers ?? {})) res.setHeader(name, value);
  if (answer.body === undefined) {
    res.end();
    return;
  }
  const bytes = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(JSON.stringify(answer.body));
  res.setHeader("Content-Type", contentType);
  res.setHeader("Content-Length", bytes.length);
  res.end(bytes);
}

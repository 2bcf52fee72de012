import type { ErrorRequestHandler } from "express";
import { ClientGoneError } from "./read-body.js";
import { recordOf } from "./request-record.js";
import { sendAnswer } from "./send-answer.js";
import type { Surface } from "./surface.js";
import { toProblem } from "./to-problem.js";

/** Answers whatever was thrown, in the words of the surface that owns the path. */
export function answerProblem(surfaceOf: (path: string) => Surface): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    if (error instanceof ClientGoneError || res.headersSent) {
      res.destroy();
      return;
    }
    const record = recordOf(res);
    const problem = toProblem(error);
    if (problem.code === "internal_error") record.fail(error);
    const { method, path } = req;
    const encoded = surfaceOf(path).encodeProblem(problem, { requestId: record.requestId, method, path });
    const headers = { ...problem.headers, ...encoded.headers };
    sendAnswer(res, { status: encoded.status, body: encoded.body, headers }, encoded.contentType);
  };
}

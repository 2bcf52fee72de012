import type { RequestHandler, Response } from "express";
import type { Logger } from "@homing/runtime/logger";
import { createRequestId } from "./request-id.js";

/** What is known of a request while it runs; becomes its log line. */
export interface RequestRecord {
  requestId: string;
  /** By `performance.now()`. */
  receivedAtMs: number;
  /** The path's template, so that ids and secrets in paths never reach the log. */
  route: string | null;
  organizationId: string | null;
  /** Tells that the request failed for a reason of ours. */
  fail(error: unknown): void;
}

const records = new WeakMap<Response, RequestRecord>();

/** Gives each request an id and writes one wide line when it is over; never bodies, keys or queries. */
export function recordRequests(log: Logger): RequestHandler {
  return (req, res, next) => {
    const receivedAtMs = performance.now();
    const requestId = createRequestId();
    let fault: unknown = null;
    const record: RequestRecord = {
      requestId,
      receivedAtMs,
      route: null,
      organizationId: null,
      fail(error) {
        fault = error;
        // The client has left and the request's line is written: the fault must not be lost with it.
        if (res.closed) log.error({ request_id: requestId, err: error }, "request failed late");
      },
    };
    records.set(res, record);
    res.setHeader("X-Request-Id", requestId);
    res.once("close", () => {
      const answered = res.writableFinished;
      const line = {
        method: req.method,
        route: record.route,
        status: answered ? res.statusCode : null,
        duration_ms: Math.round((performance.now() - receivedAtMs) * 10) / 10,
        request_id: requestId,
        organization_id: record.organizationId,
        ...(answered ? {} : { aborted: true }),
      };
      if (fault === null) log.info(line, "request");
      else log.error({ ...line, err: fault }, "request");
    });
    next();
  };
}

/** The record of a request that passed `recordRequests`. */
export function recordOf(res: Response): RequestRecord {
  const record = records.get(res);
  if (record === undefined) throw new Error("the request was not recorded");
  return record;
}

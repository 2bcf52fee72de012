import type { Request, Response } from "express";
import { actorOf } from "./actor.js";
import type { Admission, Recalled } from "./admit.js";
import { type BodyBudget, readWithin } from "./body-budget.js";
import { parseJson } from "./parse-json.js";
import { invalidInput, PROBLEM_KINDS, type ProblemFault } from "./problem.js";
import { BODY_BYTES_MAX, createBodyReader } from "./read-body.js";
import type { RequestRecord } from "./request-record.js";
import type { Answer, Route } from "./route.js";
import { toProblem } from "./to-problem.js";
import { createCheck, refuseFaults } from "./validate-input.js";

export type Endpoint = (req: Request, res: Response, record: RequestRecord) => Promise<Answer>;

/**
 * Turns a route into what serves it: admit, read, parse, validate, handle. A body that the route has no schema for is read up to the
 * limit and ignored, that of a GET not even read. Whoever is recalled and whose key is not good any more is told so, whatever else is
 * wrong with the request.
 * @throws whatever `toProblem` understands
 */
export function createEndpoint(route: Route, admission: Admission, budget: BodyBudget): Endpoint {
  const { input } = route;
  // Content of a GET has no meaning (RFC 9110 §9.3.1): the server drains it unread.
  const bytesMax = route.bodyBytesMax ?? BODY_BYTES_MAX;
  const readBody = route.method === "GET" ? null : readWithin(budget, createBodyReader(bytesMax), bytesMax);
  const checks = {
    params: createCheck("path", input.params),
    query: createCheck("query", input.query),
    headers: createCheck("header", input.headers),
    body: createCheck("body", input.body),
  };
  async function serve(
    req: Request,
    res: Response,
    { record, recalled }: { record: RequestRecord; recalled: Recalled | null },
  ): Promise<Answer> {
    const caller = await admission.admit(req, res, record, recalled);
    const rawBody = readBody === null ? Buffer.alloc(0) : await readBody(req, res);
    const json = input.body === undefined ? undefined : readJson(route, rawBody, req.headers["content-type"]);
    const faults: ProblemFault[] = [];
    const params = checks.params(req.params, faults);
    const query = checks.query(req.query, faults);
    const headers = input.headers === undefined ? req.headers : checks.headers(req.headers, faults);
    const body = checks.body(json?.value, faults, json?.membersTotal);
    refuseFaults(faults);
    return route.handle({
      caller,
      recalled,
      params,
      query,
      headers,
      body,
      rawBody,
      requestId: record.requestId,
      actor: () => actorOf(req, { caller, requestId: record.requestId, scope: route.scope }),
      receivedAtMs: record.receivedAtMs,
      clientGone: () => signalClose(res),
    });
  }
  return async (req, res, record) => {
    const recalled = admission.recall(req, res, record);
    try {
      return await serve(req, res, { record, recalled });
    } catch (error) {
      if (recalled !== null && isRefusal(error)) await recalled.confirm();
      throw error;
    }
  };
}

/** A fault of ours tells nobody anything, and may be that Postgres cannot be asked. */
function isRefusal(error: unknown): boolean {
  return PROBLEM_KINDS[toProblem(error).code].status < 500;
}

/** Made only for a handler that asks: most are done before anybody could leave. */
function signalClose(res: Response): AbortSignal {
  const gone = new AbortController();
  if (res.closed) gone.abort();
  else res.once("close", () => gone.abort());
  return gone.signal;
}

function readJson(route: Route, rawBody: Buffer, contentType: string | undefined): ReturnType<typeof parseJson> {
  if (rawBody.length > 0) return parseJson(rawBody, contentType);
  if (route.bodyOptional === true) return { value: {}, membersTotal: 0 };
  throw invalidInput([{ in: "body", pointer: "", detail: "is required" }]);
}

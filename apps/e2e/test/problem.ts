import type { Answer } from "./client.js";

/** A refusal as the native API spells it (RFC 9457). */
export interface Problem {
  status: number;
  contentType: string | null;
  code: string;
  hasRequestId: boolean;
  /** The JSON pointers of the faults, each after the part of the request that it points into. */
  faults: string[];
}

interface ProblemBody {
  status: number;
  code: string;
  request_id: string;
  errors?: { in: string; pointer: string; detail: string }[];
}

/** The parts of a refusal that a client may rely on. */
export function problemOf({ status, headers, text }: Answer): Problem {
  const body: ProblemBody = JSON.parse(text);
  if (body.status !== status) throw new Error(`the body says ${body.status}, the status line ${status}`);
  return {
    status,
    contentType: headers.get("content-type"),
    code: body.code,
    hasRequestId: /^req_[0-9A-HJKMNP-TV-Z]{26}$/.test(body.request_id),
    faults: (body.errors ?? []).map((fault) => `${fault.in} ${fault.pointer}`),
  };
}

/** What is to be expected of a refusal. */
export function refused(status: number, code: string, faults: string[] = []): Problem {
  return { status, code, faults, contentType: expectedType, hasRequestId: true };
}

const expectedType = "application/problem+json";

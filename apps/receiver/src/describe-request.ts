import type { Verdict } from "./verify-signature.js";

const BODY_LINES_MAX = 40;
const BODY_LENGTH_MAX = 2_000;

export interface SeenRequest {
  /** Which request this is since the start, from 1. */
  count: number;
  at: Date;
  method: string;
  path: string;
  webhookId: string | null;
  body: Buffer;
  /** More came than was kept. */
  isBodyCut: boolean;
  verdict: Verdict;
  /** What is answered. */
  status: number;
}

/** One request as lines for a terminal; the body pretty if it is JSON, and never more than a screenful. */
export function describeRequest(request: SeenRequest): string {
  const { count, at, method, path, webhookId, verdict, status } = request;
  const lines = [
    `#${count} ${at.toISOString()} ${method} ${printable(path)} -> ${status}`,
    `  webhook-id: ${webhookId === null ? "none" : printable(webhookId)}`,
    `  signature: ${describeVerdict(verdict)}`,
    ...describeBody(request).map((line) => `  ${printable(line)}`),
  ];
  return `${lines.join("\n")}\n`;
}

function describeVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case "valid":
      return "valid";
    case "invalid":
      return `INVALID (${verdict.reason})`;
    case "not_checked":
      return "not checked (no --secret)";
    default:
      return verdict satisfies never;
  }
}

function describeBody({ body, isBodyCut }: SeenRequest): string[] {
  if (body.length === 0) return ["(no body)"];
  const text = pretty(body.toString("utf8"));
  const lines = text.slice(0, BODY_LENGTH_MAX).split("\n");
  const isShort = text.length <= BODY_LENGTH_MAX && lines.length <= BODY_LINES_MAX && !isBodyCut;
  if (isShort) return lines;
  return [...lines.slice(0, BODY_LINES_MAX), `… (${isBodyCut ? "more than " : ""}${body.length} bytes in all)`];
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// A stranger's bytes must not steer the terminal.
function printable(line: string): string {
  return line.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\u{fffd}");
}

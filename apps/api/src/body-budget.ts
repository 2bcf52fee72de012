import type { Request } from "express";
import { refusal } from "./problem.js";
import { ClientGoneError, type ReadBody } from "./read-body.js";

const MIB = 1024 * 1024;
/** Most bytes of all bodies that are being read, or are not answered yet. */
export const BODIES_BYTES_MAX = 64 * MIB;

/** What all bodies of a process may take of its memory. */
export interface BodyBudget {
  /**
   * Takes a part of it until `giveBack`; a single body may exceed it.
   * @throws ProblemError unavailable
   */
  take(bytes: number): BodyPart;
}

export interface BodyPart {
  /** The body turned out to be so long. */
  shrinkTo: (bytes: number) => void;
  giveBack: () => void;
}

export function createBodyBudget(bytesMax: number): BodyBudget {
  let bytesTaken = 0;
  return {
    take(bytes) {
      if (bytesTaken > 0 && bytesTaken + bytes > bytesMax) {
        throw refusal("unavailable", "Too many bodies are being read; try again in a moment.");
      }
      let held = bytes;
      bytesTaken += held;
      function shrinkTo(rest: number): void {
        if (rest >= held) return;
        bytesTaken -= held - rest;
        held = rest;
      }
      return { shrinkTo, giveBack: () => shrinkTo(0) };
    },
  };
}

/** Reads a body when there is room for it, which it gives back once its request is answered; one that is refused is not read. */
export function readWithin(budget: BodyBudget, readBody: ReadBody, bytesMax: number): ReadBody {
  return async (req, res) => {
    if (res.closed) throw new ClientGoneError("the client went away");
    const part = budget.take(bytesNeeded(req, bytesMax));
    res.once("close", part.giveBack);
    const body = await readBody(req, res);
    part.shrinkTo(body.length);
    return body;
  };
}

/** What it says of itself; one that is compressed, or whose end is open, may become as long as any. */
function bytesNeeded({ headers }: Request, bytesMax: number): number {
  const encoding = headers["content-encoding"] ?? "identity";
  if (headers["transfer-encoding"] !== undefined || encoding.toLowerCase() !== "identity") return bytesMax;
  return Math.min(Number(headers["content-length"] ?? 0), bytesMax);
}

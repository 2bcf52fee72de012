import express, { type Request, type Response } from "express";
import { refusal } from "./problem.js";

/** Most bytes of a body, after decompression, where a route does not say otherwise. */
export const BODY_BYTES_MAX = 256 * 1024;

/** The client went away before its request was whole: nobody is left to answer. */
export class ClientGoneError extends Error {
  override name = "ClientGoneError";
}

export type ReadBody = (req: Request, res: Response) => Promise<Buffer>;

/**
 * Reads bodies of any media type up to a size, inflating gzip, deflate and br; an absent body is empty.
 * @throws ProblemError payload_too_large, unsupported_media_type (content encoding), malformed_request
 * @throws ClientGoneError
 */
export function createBodyReader(bytesMax: number): ReadBody {
  const parse = express.raw({ type: () => true, limit: bytesMax, inflate: true });
  return (req, res) =>
    new Promise((resolve, reject) => {
      parse(req, res, (error?: unknown) => {
        if (error !== undefined) reject(toRefusal(error, bytesMax));
        else if (isCutOff(req)) reject(new ClientGoneError("the client went away"));
        else resolve(Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0));
      });
    });
}

// Of a connection that ended before its body was asked for, body-parser says that there was none.
function isCutOff({ body, complete, headers }: Request): boolean {
  const isPromised = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  return isPromised && !complete && !Buffer.isBuffer(body);
}

// body-parser tells its errors apart by `type`; what has none comes from zlib.
function toRefusal(error: unknown, bytesMax: number): Error {
  if (!(error instanceof Error)) return new Error("the body could not be read", { cause: error });
  const type = "type" in error ? error.type : undefined;
  switch (type) {
    case "request.aborted":
      return new ClientGoneError("the client went away");
    case "entity.too.large":
      return refusal("payload_too_large", `The body is larger than ${bytesMax} bytes.`);
    case "encoding.unsupported":
      return refusal("unsupported_media_type", "The content encoding is none of gzip, deflate, br, identity.", {
        // RFC 9110 §15.5.16: it tells this refusal from that of a media type.
        headers: { "Accept-Encoding": "gzip, deflate, br" },
      });
    case "request.size.invalid":
      return refusal("malformed_request", "The body is not as long as Content-Length says.");
    default:
      return isInflateError(error)
        ? refusal("malformed_request", "The body is not what its content encoding says.")
        : error;
  }
}

function isInflateError(error: Error): boolean {
  return "code" in error && typeof error.code === "string" && /^(Z_|ERR_|BROTLI_)/.test(error.code);
}

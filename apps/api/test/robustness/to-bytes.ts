import { brotliCompressSync, gzipSync } from "node:zlib";
import type { OddRequest } from "./odd-request.js";
import type { RawRequest } from "./raw-http.js";

const PADDED_BYTES = 330 * 1024;
const BOMB_BYTES = 4 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** The bytes of a request, with its marks filled in for one sender. */
export function toBytes(request: OddRequest, fill: (text: string) => string): RawRequest {
  const { method, framing } = request;
  const { content, encoding } = encode(fill(request.body ?? ""), request.coding);
  const lines = [`${method} ${tamper(fill(request.target))} HTTP/1.1`];
  for (const [name, value] of request.headers) lines.push(`${name}: ${value}`);
  lines.push("Host: api.example", "Connection: close");
  // What follows a body that ends too soon is another request, whose refusal may come before the answer to the first.
  const isTwo = request.body !== null && (framing === "too short" || framing === "none");
  if (request.authorization !== null && !isTwo) lines.push(`Authorization: ${fill(request.authorization)}`);
  if (encoding !== null) lines.push(`Content-Encoding: ${encoding}`);
  const framed = request.body === null ? { headers: [], content: NOTHING, endsEarly: false } : frame(content, framing);
  if (request.body !== null) lines.push("Content-Type: application/json");
  lines.push(...framed.headers, "", "");
  return {
    bytes: Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), framed.content]),
    endsEarly: framed.endsEarly,
  };
}

/** Does what `tampered` asks for to the text before each of its words. */
function tamper(target: string): string {
  if (!target.includes("~")) return target;
  return target
    .split(/(?=[?&=/])/)
    .map((part) => {
      const [text = "", how] = part.split("~");
      switch (how) {
        case "cut":
          return text.slice(0, -1);
        case "flip":
          return `${text.slice(0, -3)}${text.at(-3) === "A" ? "B" : "A"}${text.slice(-2)}`;
        case "double":
          return `${text}${text.slice(1)}`;
        case "base64":
          return `${text.replaceAll("-", "%2B").replaceAll("_", "/")}%3D`;
        case undefined:
        default:
          return part;
      }
    })
    .join("");
}

function encode(text: string, coding: OddRequest["coding"]): { content: Buffer; encoding: string | null } {
  const plain = Buffer.from(text);
  const half = Math.floor(plain.length / 2);
  switch (coding) {
    case "utf-8":
      return { content: plain, encoding: null };
    case "utf-16":
      return { content: Buffer.from(text, "utf16le"), encoding: null };
    case "bom":
      return { content: Buffer.concat([Buffer.from("efbbbf", "hex"), plain]), encoding: null };
    case "invalid":
      return {
        content: Buffer.concat([plain.subarray(0, half), Buffer.from("22eda080c0afff22", "hex"), plain.subarray(half)]),
        encoding: null,
      };
    case "cut":
      return { content: plain.subarray(0, half), encoding: null };
    case "padded":
      return { content: Buffer.concat([plain, Buffer.alloc(PADDED_BYTES, " ")]), encoding: null };
    case "gzip":
      return { content: gzipSync(plain), encoding: "gzip" };
    case "br":
      return { content: brotliCompressSync(plain), encoding: "BR" };
    case "half gzip":
      return { content: gzipSync(plain).subarray(0, 15), encoding: "gzip" };
    case "no gzip":
      return { content: plain, encoding: "gzip" };
    case "bomb":
      return { content: gzipSync(Buffer.alloc(BOMB_BYTES, " ")), encoding: "gzip" };
  }
}

interface Framed {
  headers: string[];
  content: Buffer;
  endsEarly: boolean;
}

function frame(content: Buffer, framing: OddRequest["framing"]): Framed {
  const length = content.length;
  const chunked = Buffer.concat([
    Buffer.from(`${length.toString(16)}\r\n`),
    content,
    Buffer.from(length === 0 ? "\r\n" : "\r\n0\r\n\r\n"),
  ]);
  const CHUNKED = "Transfer-Encoding: chunked";
  switch (framing) {
    case "length":
      return { headers: [`Content-Length: ${length}`], content, endsEarly: false };
    case "chunked":
      return { headers: [CHUNKED], content: chunked, endsEarly: false };
    case "too long":
      return { headers: [`Content-Length: ${length + 5}`], content, endsEarly: true };
    case "too short":
      return { headers: [`Content-Length: ${Math.floor(length / 2)}`], content, endsEarly: false };
    case "both":
      return { headers: [CHUNKED, `Content-Length: ${length}`], content: chunked, endsEarly: true };
    case "bad chunk":
      return { headers: [CHUNKED], content: Buffer.concat([Buffer.from("zz\r\n"), content]), endsEarly: true };
    case "negative":
      return { headers: ["Content-Length: -1"], content, endsEarly: true };
    case "none":
      return { headers: [], content, endsEarly: false };
  }
}

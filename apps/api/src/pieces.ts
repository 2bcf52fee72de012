import { Readable } from "node:stream";

/** An answer up to about so long is sent whole, with its length. */
const WHOLE_BYTES_MAX = 1024 * 1024;

/** A JSON array in pieces, one an item; `before` and `after` stand for its brackets and what is around them. */
export async function* listPieces<Item>(
  items: AsyncIterable<Item>,
  { toJson, before = "[", after = "]" }: { toJson: (item: Item) => string; before?: string; after?: string },
): AsyncGenerator<string> {
  let lead = before;
  for await (const item of items) {
    yield `${lead}${toJson(item)}`;
    lead = ",";
  }
  yield lead === before ? `${before}${after}` : after;
}

/**
 * The body of an answer whose JSON comes in pieces: whole when it is short, otherwise a stream that asks for the next piece when its reader
 * has taken the last, so that a page of any size holds 1 MiB. A fault in the first MiB is thrown here, a later one breaks the stream.
 */
export async function bodyOfPieces(pieces: AsyncGenerator<string>): Promise<Buffer | Readable> {
  const first: Buffer[] = [];
  let bytes = 0;
  while (bytes <= WHOLE_BYTES_MAX) {
    const { done, value } = await pieces.next();
    if (done === true) return Buffer.concat(first);
    const piece = Buffer.from(value);
    first.push(piece);
    bytes += piece.length;
  }
  return Readable.from(goOn(Buffer.concat(first), pieces), { highWaterMark: 1 });
}

async function* goOn(first: Buffer, rest: AsyncGenerator<string>): AsyncGenerator<Buffer | string> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

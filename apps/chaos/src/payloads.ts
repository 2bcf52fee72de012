import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { type Lane, laneAt } from "./lanes.js";
import type { Random } from "./random.js";

const SHARES = 1_000_000;

/** An event to be published: a real GitHub payload, meant for one lane. */
export interface NewEvent {
  lane: Lane["name"];
  /** The body of `POST /v1/events`. */
  body: string;
  /** SHA-256 of the payload's bytes, hexadecimal. */
  payloadHash: string;
}

interface Example {
  name: string;
  examples: object[];
}

/** Draws events one after the other; the same chances make the same events. */
export function createEvents(random: Random): (number: number) => NewEvent {
  const groups: Example[] = createRequire(import.meta.url)("@octokit/webhooks-examples");
  const payloads = groups.flatMap(({ name, examples }) => examples.map((payload) => ({ name, ...spell(payload) })));
  return (number) => {
    const lane = laneAt(random.between(0, SHARES - 1) / SHARES).name;
    const payload = payloads[random.between(0, payloads.length - 1)];
    if (payload === undefined) throw new Error("there are no example payloads");
    const { name, text, hash } = payload;
    const head = `{"type":"${lane}.${name}","attributes":{"number":"${number}"},"payload":`;
    return { lane, body: `${head}${text}}`, payloadHash: hash };
  };
}

// Spelt so that only byte-for-byte transport keeps it.
function spell(payload: object): { text: string; hash: string } {
  const text = `{"exact":1.0, "spelt":"caf\\u00e9",${JSON.stringify(payload, null, 1).slice(1)}`;
  return { text, hash: createHash("sha256").update(text).digest("hex") };
}

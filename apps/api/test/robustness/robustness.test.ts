import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { expectDocumented, isDescribed } from "../openapi-answers.js";
import { type OddRequest, oddRequests } from "./odd-request.js";
import { type RawAnswer, type RawOutcome, sendRaw } from "./raw-http.js";
import { type RobustApi, startRobustApi } from "./robust-api.js";
import { createSender, type Sender } from "./sender.js";
import { toBytes } from "./to-bytes.js";
import { noteWrites, type Write, type WriteLog } from "./write-log.js";

/** Requests at once, each by an organization of its own: so whatever is written tells whose request wrote it. */
const SENDERS = 40;
const BATCHES = Number(process.env["ROBUSTNESS_BATCHES"] ?? 500);
/** Repeat a run that failed with those that it printed. */
const SEED = process.env["ROBUSTNESS_SEED"];
const PATH = process.env["ROBUSTNESS_PATH"];
/** Longer than the longest wait there is: TheirStack's test of a webhook takes its deadline of up to 30 s and 2 s, while an order or a rate holds its line. */
const ANSWER_LIMIT_MS = 40_000;
const TIMEOUT_MS = 900_000;
const TIMES_MIN = 5;
const SHOWN_CHARS = 3_000;
/** An id that is empty makes another path of it. */
const EMPTY_STEP = /\/(?:\/|$)/;
const WRITING = ["POST", "PUT", "PATCH", "DELETE"];

let api: RobustApi;
let writes: WriteLog;
const senders: Sender[] = [];

beforeAll(async () => {
  api = await startRobustApi();
  const bystander = await createSender(api, null);
  for (let place = 0; place < SENDERS; place += 1) senders.push(await createSender(api, bystander.marks));
  writes = await noteWrites(api.db);
}, TIMEOUT_MS);
afterAll(() => api.stop());

/** How often each operation was asked, and how often it did what it was asked. */
const asked = new Map<string, { taken: number; refused: number }>();

test(
  `of ${SENDERS * BATCHES} odd requests to every route none is a 5xx or hangs, each answer is documented, and one that is refused writes nothing`,
  async () => {
    const batch = fc.array(oddRequests(api.routes), { minLength: SENDERS, maxLength: SENDERS });
    const property = fc.asyncProperty(batch, async (requests) => {
      const faults = await sendBatch(requests);
      if (faults.length > 0) throw new Error(faults.join("\n\n"));
    });
    const run = await fc.check(property, {
      numRuns: BATCHES,
      endOnFailure: true,
      ...(SEED !== undefined && { seed: Number(SEED) }),
      ...(PATH !== undefined && { path: PATH }),
    });
    if (run.failed) {
      const repeat = `ROBUSTNESS_SEED=${run.seed} ROBUSTNESS_PATH=${run.counterexamplePath}`;
      throw new Error(`${run.numRuns} batches went well before; again with ${repeat}\n\n${String(run.errorInstance)}`);
    }
    expect(PATH === undefined && BATCHES >= 500 ? findUntried() : []).toEqual([]);
  },
  TIMEOUT_MS,
);

/** Neither all good nor all bad of any route, or half of it was not tried. */
function findUntried(): string[] {
  const ids = api.routes.map(({ operationId }) => operationId);
  return ids.filter((id) => {
    const { taken = 0, refused = 0 } = asked.get(id) ?? {};
    return Math.min(taken, refused) < TIMES_MIN;
  });
}

/** What went wrong, each with the request that did it. */
async function sendBatch(requests: readonly OddRequest[]): Promise<string[]> {
  const sent = requests.map((request, place) => {
    const sender = senders[place];
    if (sender === undefined) throw new Error("more requests than senders");
    return { request, sender, raw: toBytes(request, sender.fill) };
  });
  const outcomes = await Promise.all(sent.map(({ raw }) => sendRaw(api.port, raw, ANSWER_LIMIT_MS)));
  await api.settle();
  const written = await writes.take();
  const faults = sent.flatMap(({ request, sender, raw }, place) => {
    const outcome = outcomes[place] ?? { kind: "closed" };
    const own = written.filter(({ organizationId }) => organizationId === sender.organizationId);
    count(request, outcome);
    return findFaults(request, outcome, own).map((fault) => `${fault}\n${show(raw.bytes)}`);
  });
  const known = new Set(senders.map(({ organizationId }) => organizationId));
  // The operator makes organizations, and keys of any.
  const byOperator = sent.some(({ request }, place) => mayWrite(request, outcomes[place]) && isOperators(request));
  if (byOperator) return faults;
  const strange = written.filter(({ organizationId }) => organizationId === null || !known.has(organizationId));
  const tables = strange.map(({ table }) => table).join(", ");
  return strange.length === 0 ? faults : [...faults, `rows of nobody who asked were written: ${tables}`];
}

/** It was to write something, and may have. */
function mayWrite({ method, operationId }: OddRequest, outcome: RawOutcome | undefined): boolean {
  // A secret that is shown is written down, also where Node finds out afterwards that what follows the head is no body.
  if (operationId === "revealSecret" && isOfNode(outcome)) return true;
  const isWriting = WRITING.includes(method) || operationId === "revealSecret";
  return outcome?.kind === "answered" && outcome.status < 400 && isWriting;
}

/** What Node refuses by itself reaches no application, or has done so before. */
function isOfNode(outcome: RawOutcome | undefined): boolean {
  return outcome?.kind === "answered" && !outcome.headers.has("x-request-id");
}

function isOperators({ operationId }: OddRequest): boolean {
  return api.routes.some((route) => route.operationId === operationId && route.scope === "operator");
}

function findFaults(request: OddRequest, outcome: RawOutcome, written: readonly Write[]): string[] {
  const faults: string[] = [];
  if (!mayWrite(request, outcome) && written.length > 0)
    faults.push(
      `refused (${outcome.kind === "answered" ? outcome.status : outcome.kind}), and yet wrote to ${written.map(({ table }) => table).join(", ")}`,
    );
  if (outcome.kind === "hung") faults.push(`not answered within ${ANSWER_LIMIT_MS} ms`);
  if (outcome.kind === "answered") {
    if (outcome.status >= 500) faults.push(`answered with ${outcome.status}: ${outcome.body.toString("utf8")}`);
    faults.push(...findAnswerFaults(request, outcome));
  }
  return faults;
}

function findAnswerFaults({ method, target }: OddRequest, { status, headers, body }: RawAnswer): string[] {
  // What Node refuses by itself reaches no application.
  if (!headers.has("x-request-id")) return [];
  const faults = [...headers.keys()].filter((name) => name.startsWith("access-control-"));
  if (headers.get("x-content-type-options") !== "nosniff") faults.push("no nosniff");
  const [path = target] = target.split("?");
  if (EMPTY_STEP.test(path) || !isDescribed(api.document, { method, path })) return faults;
  try {
    const contentType = headers.get("content-type");
    const seen = contentType === undefined ? undefined : JSON.parse(body.toString("utf8"));
    expectDocumented(api.document, { method, path, status, contentType, body: seen });
  } catch (error) {
    faults.push(String(error));
  }
  return faults;
}

function count({ operationId }: OddRequest, outcome: RawOutcome): void {
  if (operationId === null) return;
  const before = asked.get(operationId) ?? { taken: 0, refused: 0 };
  const isTaken = outcome.kind === "answered" && outcome.status < 300;
  asked.set(operationId, {
    taken: before.taken + Number(isTaken),
    refused: before.refused + Number(!isTaken),
  });
}

function show(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString("latin1"));
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}… (${bytes.length} bytes)` : text;
}

import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import { audit } from "./audit.js";
import type { Backend, ChaosConfig } from "./config.js";
import { type Fault, FAULTS } from "./faults.js";
import { createFindings, type Findings } from "./findings.js";
import type { Form } from "./form.js";
import { type Installation, startInstallation, type Undo, undoAll } from "./installation.js";
import { judge } from "./judge.js";
import { isAlwaysWell, LANES, mustSucceed } from "./lanes.js";
import { byOneClock, readRows } from "./ledger.js";
import { makeWebhooks, type MadeWebhook } from "./make-webhooks.js";
import { createEvents } from "./payloads.js";
import { planRound, type Step } from "./plan.js";
import { createPool } from "./postgres-server.js";
import { type Publisher, startPublisher } from "./publisher.js";
import { createRandom } from "./random.js";
import { countUnfinished } from "./recovery.js";
import type { BackendResult } from "./report.js";
import { strike, type StrikeOptions, type StruckFault } from "./strike.js";

const POLL_MS = 500;

export interface RunOptions {
  config: ChaosConfig;
  form: Form;
  print: (line: string) => void;
  signal: AbortSignal;
}

/** One backend from start to verdict; everything that was started is ended, whatever happens. */
export async function runOn(backend: Backend, options: RunOptions): Promise<BackendResult> {
  const undo: Undo = { steps: [] };
  const beganMs = performance.now();
  try {
    const { seed } = options.config;
    const installation = await startInstallation(backend, { seed, undo, signal: options.signal });
    const pool = createPool(installation.postgres.url);
    undo.steps.push(() => pool.end());
    const { verdict, ...measures } = await exercise(backend, { ...options, installation, pool });
    return { backend, seconds: secondsSince(beganMs), ...measures, ...verdict };
  } finally {
    await undoAll(undo);
  }
}

type Exercise = RunOptions & { installation: Installation; pool: Pool };

async function exercise(backend: Backend, options: Exercise) {
  const { installation, pool, form, config, signal } = options;
  const { apis, workers, receivers, postgres, key } = installation;
  const urls = [urlOf(apis[0].port), urlOf(apis[1].port)] as const;
  const webhooks = await makeWebhooks({ apiUrl: urls[0], key, receiversUrl: receivers.url, form });
  receivers.order({ kind: "secrets", secrets: Object.fromEntries(webhooks.map(({ name, secret }) => [name, secret])) });
  const draw = createEvents(createRandom(config.seed, `events ${backend}`));
  const publisher = startPublisher({ urls, key, perSecond: form.eventsPerSecond[backend], draw, signal });
  const { rounds, faults } = await strikeInRounds(backend, { ...options, publisher, webhooks });
  await publisher.stop();
  const neverWellIds = webhooks.filter(({ name }) => !mustSucceed(name)).map(({ id }) => id);
  const drainSeconds = await drain(() => countUnfinished(pool, neverWellIds), options);

  const findings = createFindings();
  await auditInto(findings, postgres.url, signal);
  const { attempts, ...rows } = await readRows(pool);
  await Promise.all([...apis, ...workers].map((program) => program.end("SIGTERM")));
  for (const { offences } of [...apis, ...workers])
    for (const offence of offences) findings.add("process_ended", offence);
  await receivers.finish();
  const requests = await receivers.requests();
  return {
    rounds,
    drainSeconds,
    verdict: judge(
      { published: publisher, webhooks, ...rows, attempts: byOneClock({ attempts, requests }), requests, faults },
      findings,
    ),
  };
}

type Striking = Exercise & { publisher: Publisher; webhooks: MadeWebhook[] };

/** Whole rounds, until enough events were acknowledged. */
async function strikeInRounds(backend: Backend, options: Striking): Promise<{ rounds: number; faults: StruckFault[] }> {
  const { config, form, installation, pool, publisher, webhooks, print, signal } = options;
  const random = createRandom(config.seed, `plan ${backend}`);
  const wellWebhookIds = new Set(webhooks.filter(({ name }) => isAlwaysWell(name)).map(({ id }) => id));
  const striking: StrikeOptions = { installation, pool, recoveryMsMax: form.recoveryMsMax, wellWebhookIds, signal };
  const faults: StruckFault[] = [];
  let rounds = 0;
  do {
    rounds += 1;
    for (const step of planRound(random, { faults: FAULTS, backend, form })) {
      turnReceivers(installation, step);
      await sleep(step.pauseMs, undefined, { signal });
      const struck = await strike(step, striking);
      faults.push(struck);
      print(`${backend} ${struck.name}: ${describeRecovery(struck)}, ${publisher.acknowledged.length} acknowledged`);
    }
    healAll(installation);
  } while (publisher.acknowledged.length < config.eventsMin);
  return { rounds, faults };
}

function turnReceivers({ receivers }: Installation, { ill, well }: Step<Fault>): void {
  for (const webhook of ill) receivers.order({ kind: "turn", webhook, isIll: true });
  for (const webhook of well) receivers.order({ kind: "turn", webhook, isIll: false });
}

function healAll({ receivers }: Installation): void {
  for (const { name, heals } of LANES) if (heals) receivers.order({ kind: "turn", webhook: name, isIll: false });
}

function describeRecovery({ recoveryMs, inFlight }: StruckFault): string {
  const recovery = recoveryMs === null ? "not recovered in time" : `recovered in ${(recoveryMs / 1000).toFixed(1)} s`;
  return `${inFlight.length} in flight, ${recovery}`;
}

/** Waits until every delivery is finished; what is not when the time is over is left for the judge. @returns how long, in seconds */
async function drain(count: () => Promise<number>, { form, signal }: RunOptions): Promise<number> {
  const beganMs = performance.now();
  const deadline = beganMs + form.drainMsMax;
  while ((await count()) > 0 && performance.now() < deadline) await sleep(POLL_MS, undefined, { signal });
  return secondsSince(beganMs);
}

async function auditInto(findings: Findings, databaseUrl: string, signal: AbortSignal): Promise<void> {
  const complaint = await audit(databaseUrl, signal);
  if (complaint !== null) findings.add("audit_failed", complaint);
}

function secondsSince(beganMs: number): number {
  return Math.round((performance.now() - beganMs) / 1000);
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

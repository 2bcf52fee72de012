import { type ApiClient, createApiClient } from "./api-client.js";
import type { CaseOptions, CaseResult } from "./case.js";
import { type Installation, startInstallation, type Undo, undoAll } from "./installation.js";
import { createSession, type Session } from "./session.js";

/** Of each case. */
export const WORKERS = 2;
const CONCURRENCY = 25;

/** What a case works with. */
export interface Bench {
  installation: Installation;
  session: Session;
  /** Of the first organization. */
  api: ApiClient;
}

interface MeasureOptions extends Pick<CaseOptions, "backend" | "signal"> {
  isIsolating: boolean;
  /** That are started at once; 2 unless told. */
  workers?: number;
  /** Attempts under way at once in each worker; 25 unless told. */
  concurrency?: number;
}

/** Runs one case on an installation of its own, audits it and ends it, whatever happens. */
export async function measure(
  options: MeasureOptions,
  run: (bench: Bench) => Promise<Omit<CaseResult, "findings">>,
): Promise<CaseResult> {
  const undo: Undo = [];
  const measured = runOn(undo, options, run);
  try {
    await measured;
  } finally {
    await undoAll(undo);
  }
  const { bench, result } = await measured;
  const offences = bench.installation.programs.flatMap((program) => program.offences);
  return { ...result, findings: [...bench.session.findings, ...offences] };
}

async function runOn<Result>(
  undo: Undo,
  { backend, signal, isIsolating, workers = WORKERS, concurrency = CONCURRENCY }: MeasureOptions,
  run: (bench: Bench) => Promise<Result>,
): Promise<{ bench: Bench; result: Result }> {
  const installation = await startInstallation({ backend, isIsolating, workers, concurrency }, undo);
  const session = createSession(installation, undo);
  const api = createApiClient({ url: installation.apiUrl, key: installation.key });
  const bench = { installation, session, api };
  const result = await Promise.race([run(bench), interruption(signal)]);
  await session.audit();
  return { bench, result };
}

function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new Error("interrupted"));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

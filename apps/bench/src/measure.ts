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

/** Runs one case on an installation of its own, audits it and ends it, whatever happens. */
export async function measure(
  options: Pick<CaseOptions, "backend" | "signal"> & {
    isIsolating: boolean;
    /** That are started at once; 2 unless told. */
    workers?: number;
    /** Attempts under way at once in each worker; 25 unless told. */
    concurrency?: number;
  },
  run: (bench: Bench) => Promise<Omit<CaseResult, "findings">>,
): Promise<CaseResult> {
  const { backend, signal, isIsolating, workers = WORKERS, concurrency = CONCURRENCY } = options;
  const undo: Undo = [];
  try {
    const installation = await startInstallation({ backend, isIsolating, workers, concurrency }, undo);
    const session = createSession(installation, undo);
    const api = createApiClient({ url: installation.apiUrl, key: installation.key });
    const result = await Promise.race([run({ installation, session, api }), interruption(signal)]);
    await session.audit();
    return { ...result, findings: session.findings };
  } finally {
    await undoAll(undo);
  }
}

function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new Error("interrupted"));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}

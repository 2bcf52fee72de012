import { type ApiClient, createApiClient } from "./api-client.js";
import type { CaseOptions, CaseResult } from "./case.js";
import { type Installation, startInstallation, type Undo, undoAll } from "./installation.js";
import { createSession, type Session } from "./session.js";

/** An installation of a case's own, of two workers. */
const WORKERS = { workers: 2, concurrency: 25 };

/** What a case works with. */
export interface Bench {
  installation: Installation;
  session: Session;
  /** Of the first organization. */
  api: ApiClient;
}

/** Runs one case on an installation of its own, audits it and ends it, whatever happens. */
export async function measure(
  { backend, signal, isIsolating }: Pick<CaseOptions, "backend" | "signal"> & { isIsolating: boolean },
  run: (bench: Bench) => Promise<Omit<CaseResult, "findings">>,
): Promise<CaseResult> {
  const undo: Undo = [];
  try {
    const installation = await startInstallation({ backend, isIsolating, ...WORKERS }, undo);
    const session = createSession(installation);
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

/** Attempts that all workers of a case make at once. */
export const SLOTS = WORKERS.workers * WORKERS.concurrency;

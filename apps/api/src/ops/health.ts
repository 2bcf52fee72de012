import express, { type Router } from "express";

const CHECK_LIMIT_MS = 2_000;

/** Resolves when a part can be reached, within a limit that is set from outside. */
export type HealthCheck = () => Promise<unknown>;

export interface Health {
  router: Router;
  /** From now on the process is not ready, so that balancers send it nothing new. */
  stop(): void;
}

/**
 * `/livez`: 200 while the process runs. `/readyz`: 200, or 503 when stopping or when a check fails or takes over 2 s;
 * `{status: "ready" | "unready" | "stopping", checks: {<name>: "ok" | "unreachable"}}`.
 */
export function createHealth(checks: Record<string, HealthCheck>, limitMs = CHECK_LIMIT_MS): Health {
  let stopping = false;
  const router = express.Router();
  router.get("/livez", (_req, res) => {
    res.json({ status: "live" });
  });
  router.get("/readyz", async (_req, res) => {
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [
        name,
        (await passes(check, limitMs)) ? "ok" : "unreachable",
      ]),
    );
    const ready = results.every(([, result]) => result === "ok");
    const status = stopping ? "stopping" : ready ? "ready" : "unready";
    res.status(status === "ready" ? 200 : 503).json({ status, checks: Object.fromEntries(results) });
  });
  return {
    router,
    stop: () => {
      stopping = true;
    },
  };
}

async function passes(check: HealthCheck, limitMs: number): Promise<boolean> {
  const { promise: limit, cancel } = after(limitMs);
  try {
    return await Promise.race([check().then(() => true), limit.then(() => false)]);
  } catch {
    return false;
  } finally {
    cancel();
  }
}

function after(ms: number): { promise: Promise<void>; cancel: () => void } {
  let timer: NodeJS.Timeout;
  const promise = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}

import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 20;
const TIMEOUT_MS = 10_000;

type Nothing = undefined | null | false;

/**
 * Asks again and again until the condition answers something, and hands that on. A condition that throws ends the wait.
 * @param options.what names the awaited thing in the error
 * @param options.timeoutMs 10 s by default
 */
export async function waitFor<T>(
  condition: () => Promise<T | Nothing> | T | Nothing,
  options: { what: string; timeoutMs?: number },
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== null && answer !== false) return answer;
    if (performance.now() >= deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${options.what}`);
    await sleep(POLL_MS);
  }
}

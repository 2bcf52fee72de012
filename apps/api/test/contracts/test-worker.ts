import { setMaxListeners } from "node:events";
import type { Context, Hint } from "@homing/core/context";
import { createAttempts } from "@homing/core/deliveries/attempt";
import { relayDeliveries } from "@homing/core/deliveries/relay";
import { releaseHeld } from "@homing/core/deliveries/release-held";
import { pullDueLines } from "@homing/core/lanes/pull";
import type { AddressPolicy } from "@homing/egress/address-policy";
import { createSend } from "@homing/egress/send";
import type { ApiContext } from "../../src/api-context.js";

const USER_AGENT = "Homing/test";
const RELAYED_MAX = 1_000;

/** Attempts what it is handed as the worker does: the same claim, signature, request and record, on real receivers. */
export interface TestWorker {
  /** Does not wait for the attempts. */
  take(hints: readonly Hint[]): void;
  /** From now on hints wait, so that deliveries stay due. */
  pause(): void;
  /** Attempts what waited. */
  resume(): void;
  /** One round of the relay: releases what was held and hands over what is due. */
  relay(): Promise<void>;
  /** Ends the requests that are out and waits for their records. */
  stop(): Promise<void>;
}

/** Builds the worker; a retry that is scheduled far ahead waits for `relay`. */
export function startTestWorker(context: ApiContext, policy: AddressPolicy): TestWorker {
  const sender = createSend({ policy, userAgent: USER_AGENT });
  const cutOff = new AbortController();
  // Each attempt under way listens to it.
  setMaxListeners(RELAYED_MAX, cutOff.signal);
  const whole: Context = { ...context, send: sender.send, random: () => 0.5 };
  const attempts = createAttempts(whole, { signal: cutOff.signal, slots: RELAYED_MAX });
  const underWay = new Set<Promise<void>>();
  const timers = new Set<NodeJS.Timeout>();
  let waiting: Hint[] | null = null;

  async function attempt(hint: Hint): Promise<void> {
    const report = await attempts.attempt(hint);
    if (report.outcome === "too_early") schedule(hint, report.byMs);
  }

  function begin(hint: Hint): void {
    const attempting = attempt(hint).finally(() => underWay.delete(attempting));
    underWay.add(attempting);
  }

  function schedule(hint: Hint, delayMs: number): void {
    if (cutOff.signal.aborted) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      begin(hint);
    }, delayMs);
    timers.add(timer);
  }

  function take(hints: readonly Hint[]): void {
    if (waiting !== null) waiting.push(...hints);
    else for (const hint of hints) schedule(hint, hint.delayMs);
  }

  return {
    take,
    pause() {
      waiting ??= [];
    },
    resume() {
      const waited = waiting ?? [];
      waiting = null;
      take(waited);
    },
    async relay() {
      await releaseHeld(context, { limit: RELAYED_MAX });
      await pullDueLines(context);
      await relayDeliveries(context, { limit: RELAYED_MAX, lostAgeMs: null });
    },
    async stop() {
      cutOff.abort();
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(underWay);
      sender.close();
    },
  };
}

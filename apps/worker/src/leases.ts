import type { Attempts } from "@homing/core/deliveries/attempt";
import { LEASE_RENEWAL_MS } from "@homing/core/deliveries/leases";
import type { Logger } from "@homing/runtime/logger";
import { type Loop, startLoop } from "./loop.js";

/** Renews the leases of the attempts under way; to be stopped after the last of them. */
export function startLeases({ attempts, log }: { attempts: Attempts; log: Logger }): Loop {
  return startLoop({ name: "leases", pauseMs: LEASE_RENEWAL_MS, log, round: () => attempts.renewLeases() });
}

import { createLogger } from "@homing/runtime/logger";
import { BOARD_LOGINS, createFailedLogins, type FailedLoginLimits, type FailedLogins } from "../src/failed-logins.js";

/** The board's count of failed logins, which nobody reads the log of; its limits are out of reach unless told. */
export function countLogins(limits: Partial<FailedLoginLimits> = {}): FailedLogins {
  const log = createLogger({ service: "test", level: "silent" });
  return createFailedLogins({ door: "board", limits: { ...BOARD_LOGINS, perAddressMax: 1_000_000, ...limits }, log });
}

import type { ShownState } from "@homing/core/deliveries/delivery";

export const STATUSES = ["IN_PROGRESS", "SUCCESS", "FAILED", "NOT_TRIGGERED"] as const;
export type Status = (typeof STATUSES)[number];

const STATUS_OF: Readonly<Record<ShownState, Status>> = {
  pending: "IN_PROGRESS",
  in_flight: "IN_PROGRESS",
  held: "IN_PROGRESS",
  succeeded: "SUCCESS",
  retrying: "FAILED",
  failed: "FAILED",
  cancelled: "FAILED",
  skipped: "NOT_TRIGGERED",
};

const SHOWN_STATES: readonly ShownState[] = [
  "pending",
  "in_flight",
  "held",
  "succeeded",
  "retrying",
  "failed",
  "cancelled",
  "skipped",
];

/** How the contract spells a state. */
export function toStatus(state: ShownState): Status {
  return STATUS_OF[state];
}

/** The states that the contract spells so. */
export function statesOf(status: Status): ShownState[] {
  return SHOWN_STATES.filter((state) => STATUS_OF[state] === status);
}

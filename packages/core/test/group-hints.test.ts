import { randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import type { Hint } from "../src/context.js";
import { groupHints } from "../src/shares/group-hints.js";

const ORGANIZATIONS = [randomUUID(), randomUUID()] as const;

function hint(changes: Partial<Hint> = {}): Hint {
  const ids = { deliveryId: randomUUID(), webhookId: randomUUID(), organizationId: ORGANIZATIONS[0] };
  return { ...ids, series: 1, number: 1, delayMs: 0, ...changes };
}

test("hints of one organization go ten to a job, in their order", () => {
  const hints = Array.from({ length: 25 }, () => hint());
  expect(groupHints(hints)).toEqual([hints.slice(0, 10), hints.slice(10, 20), hints.slice(20)]);
});

test("those of two organizations never share a job", () => {
  const [one, other] = ORGANIZATIONS.map((organizationId) => [hint({ organizationId }), hint({ organizationId })]);
  expect(groupHints([one?.[0] ?? hint(), ...(other ?? []), one?.[1] ?? hint()])).toEqual([one, other]);
});

test("those that were handed over before stay with their set", () => {
  const [first, second, fresh] = [hint({ set: "12:00" }), hint({ set: "12:01" }), hint()];
  const third = hint({ set: "12:00" });
  expect(groupHints([first, second, fresh, third])).toEqual([[first, third], [second], [fresh]]);
});

test.each([
  ["is delayed", { delayMs: 1 }],
  ["was pulled from a line", { isPulled: true }],
  ["lost its worker", { isTakenOver: true }],
  ["may be what workers died of", { isSuspect: true }],
])("a hint that %s goes alone", (_, changes) => {
  const [before, alone, after] = [hint(), hint(changes), hint()];
  expect(groupHints([before, alone, after, { ...alone }])).toEqual([[before, after], [alone], [alone]]);
});

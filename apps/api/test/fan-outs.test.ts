import { expect, test } from "@jest/globals";
import type { PublishOutcome } from "@homing/core/events/publish";
import { createFanOuts } from "../src/fan-outs.js";

const REQUEST = { organizationId: "a", events: [] };

function published(...matched: number[]): PublishOutcome {
  const events = matched.map((matchedWebhooks) => ({ id: "e", matchedWebhooks, createdAt: new Date() }));
  return { outcome: "published", events };
}

test("of an organization that was never seen nothing is known", () => {
  expect(createFanOuts().of("a")).toBe(0);
});

test("the largest of the last flush counts, of each organization for itself", () => {
  const fanOuts = createFanOuts();
  const requests = [REQUEST, { ...REQUEST, organizationId: "b" }, REQUEST];
  fanOuts.learn(requests, [published(3, 7), published(100), published(5)]);
  expect([fanOuts.of("a"), fanOuts.of("b")]).toEqual([7, 100]);
  fanOuts.learn([REQUEST], [published(2)]);
  expect([fanOuts.of("a"), fanOuts.of("b")]).toEqual([2, 100]);
});

test("what was not published teaches nothing", () => {
  const fanOuts = createFanOuts();
  fanOuts.learn([REQUEST], [published(9)]);
  fanOuts.learn([REQUEST], [{ outcome: "too_many_deliveries" }]);
  expect(fanOuts.of("a")).toBe(9);
});

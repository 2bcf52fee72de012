import { expect, test } from "@jest/globals";
import { waitFor } from "../src/wait-for.js";

test("waiting hands on the first answer that is something", async () => {
  const answers = [undefined, null, false, 0] as const;
  let asked = 0;
  const answer = await waitFor<number>(() => answers[asked++], { what: "an answer" });
  expect(answer).toBe(0);
  expect(asked).toBe(4);
});

test("waiting in vain names what was awaited and how long", async () => {
  const wait = waitFor(() => Promise.resolve(null), { what: "the moon", timeoutMs: 50 });
  await expect(wait).rejects.toThrow("waited 50 ms in vain for the moon");
});

test("a condition that throws ends the wait with its error", async () => {
  const wait = waitFor(() => Promise.reject(new Error("the condition is broken")), { what: "nothing" });
  await expect(wait).rejects.toThrow("the condition is broken");
});

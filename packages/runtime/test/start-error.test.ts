import { expect, test } from "@jest/globals";
import { asStartError, StartError } from "../src/start-error.js";

test("a step's result is handed on", async () => {
  expect(await asStartError("queue", () => Promise.resolve(7))).toBe(7);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("no such key\nand a second line");
    },
  ],
  ["rejects", () => Promise.reject(new Error("no such key\nand a second line"))],
])("a step that %s becomes one line that names the step and keeps its cause", async (_, run) => {
  const failure = asStartError("encryption keys", run);
  await expect(failure).rejects.toBeInstanceOf(StartError);
  await expect(failure).rejects.toMatchObject({
    message: "encryption keys: no such key",
    cause: { message: "no such key\nand a second line" },
  });
});

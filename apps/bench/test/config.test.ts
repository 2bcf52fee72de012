import { expect, test } from "@jest/globals";
import { readArguments } from "../src/config.js";

test("without options all cases of speed are measured at length, with the queue on Redis", () => {
  expect(readArguments([])).toEqual({
    kind: "run",
    config: { scenario: "speed", only: [], isQuick: false, backend: "redis", jsonFile: null },
  });
});

test("options choose cases, form, backend and file", () => {
  const args = ["--scenario", "isolation", "--only", "a,dc", "--quick", "--backend", "postgres", "--json", "out.json"];
  expect(readArguments(args)).toEqual({
    kind: "run",
    config: { scenario: "isolation", only: ["a", "dc"], isQuick: true, backend: "postgres", jsonFile: "out.json" },
  });
});

test.each([
  [["--backend", "mysql"], '--backend takes redis or postgres, not "mysql"'],
  [["--scenario", ""], '--scenario takes speed or isolation, not ""'],
  [["--only", "a b"], '--only takes letters with commas between, not "a b"'],
])("%j is a fault in one line", (args, message) => {
  expect(readArguments(args)).toEqual({ kind: "fault", message });
});

test("an unknown option is a fault in one line", () => {
  expect(readArguments(["--fast"])).toMatchObject({ kind: "fault", message: expect.stringContaining("--fast") });
});

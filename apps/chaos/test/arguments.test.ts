import { describe, expect, test } from "@jest/globals";
import { readArguments } from "../src/config.js";

describe("the arguments of a chaos run", () => {
  test("ask for the long form on both backends when there are none, with a seed that is drawn", () => {
    expect(readArguments([])).toEqual({
      kind: "run",
      config: {
        form: "long",
        eventsMin: 100_000,
        seed: expect.any(Number),
        backends: ["redis", "postgres"],
        jsonFile: null,
      },
    });
  });

  test("are taken as given", () => {
    const args = ["--quick", "--events", "50", "--seed", "7", "--backend", "postgres", "--json", "out.json"];
    expect(readArguments(args)).toEqual({
      kind: "run",
      config: { form: "quick", eventsMin: 50, seed: 7, backends: ["postgres"], jsonFile: "out.json" },
    });
  });

  test.each([
    [["--events", "many"], '--events takes a whole number from 1 to 10000000, not "many"'],
    [["--events", "0"], '--events takes a whole number from 1 to 10000000, not "0"'],
    [["--seed", "-1"], "Option '--seed' argument is ambiguous."],
    [["--backend", "kafka"], '--backend takes redis or postgres, not "kafka"'],
    [["--slow"], "Unknown option '--slow'"],
    [["stray"], "Unexpected argument 'stray'"],
  ])("%j are refused in one line", (args, message) => {
    expect(readArguments(args)).toMatchObject({ kind: "fault", message: expect.stringContaining(message) });
  });
});

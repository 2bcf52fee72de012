import { describe, expect, test } from "@jest/globals";
import { type Backend, readArguments } from "../src/config.js";
import { FAULTS } from "../src/faults.js";
import { formOf } from "../src/form.js";
import { LANES } from "../src/lanes.js";
import { createEvents } from "../src/payloads.js";
import { planRound } from "../src/plan.js";
import { createRandom } from "../src/random.js";

const CURABLE = LANES.filter(({ illness, heals }) => illness !== null && heals).map(({ name }) => name);

function formFor(...args: string[]) {
  const request = readArguments(args);
  if (request.kind !== "run") throw new Error("these arguments do not run");
  return formOf(request.config);
}

function plan(
  seed: number,
  { backend = "redis", form = formFor() }: { backend?: Backend; form?: ReturnType<typeof formFor> } = {},
) {
  const steps = planRound(createRandom(seed, "plan"), { faults: FAULTS, backend, form });
  return steps.map(({ fault, ...drawn }) => ({ fault: fault.name, ...drawn }));
}

describe("a plan", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
  });

  test("has every fault once in the long form", () => {
    expect(
      plan(3)
        .map(({ fault }) => fault)
        .toSorted(),
    ).toEqual(FAULTS.map(({ name }) => name).toSorted());
  });

  test("leaves Redis alone where there is none", () => {
    const names = plan(3, { backend: "postgres" }).map(({ fault }) => fault);
    expect(names).toContain("Postgres stop");
    expect(names.filter((name) => name.includes("Redis"))).toEqual([]);
  });

  test("of the quick form kills each kind of process, flushes Redis and stops both stores", () => {
    const names = plan(3, { form: formFor("--quick") }).map(({ fault }) => fault);
    const wanted = [
      "API kill -9",
      "worker kill -9",
      "worker SIGTERM",
      "Redis FLUSHALL",
      "Redis stop, back empty",
      "Postgres stop",
    ];
    expect(names).toEqual(expect.arrayContaining(wanted));
    expect(names.length).toBeLessThan(FAULTS.length);
  });

  test("of the long form keeps Redis away for 30 s and Postgres for 10 s", () => {
    const awayMs = new Map(plan(3).map((step) => [step.fault, step.awayMs]));
    expect(awayMs.get("Redis stop, back empty")).toBe(30_000);
    expect(awayMs.get("Postgres stop")).toBe(10_000);
  });

  test.each([1, 2, 3, 4, 5])(
    "makes each receiver that can get well ill once, and well again later or at the end (seed %i)",
    (seed) => {
      const steps = plan(seed);
      for (const name of CURABLE) {
        const ill = steps.flatMap((step, place) => (step.ill.includes(name) ? [place] : []));
        const well = steps.flatMap((step, place) => (step.well.includes(name) ? [place] : []));
        expect(ill).toHaveLength(1);
        expect(well.every((place) => place > (ill[0] ?? 0))).toBe(true);
      }
    },
  );
});

describe("the events", () => {
  test("are the same for the same seed: lanes and bytes", () => {
    const [one, other] = [createEvents(createRandom(5, "events")), createEvents(createRandom(5, "events"))];
    const numbers = Array.from({ length: 50 }, (_, index) => index + 1);
    expect(numbers.map((number) => one(number))).toEqual(numbers.map((number) => other(number)));
  });

  test("go mostly to receivers that are well, and some to every other", () => {
    const draw = createEvents(createRandom(5, "events"));
    const lanes = Array.from({ length: 2_000 }, (_, index) => draw(index + 1).lane);
    expect(new Set(lanes)).toEqual(new Set(LANES.map(({ name }) => name)));
    expect(lanes.filter((lane) => lane.startsWith("well")).length).toBeGreaterThan(1_700);
  });

  test("are JSON whose payload is what is hashed", () => {
    const { body } = createEvents(createRandom(5, "events"))(9);
    expect(JSON.parse(body)).toMatchObject({ attributes: { number: "9" }, payload: { exact: 1 } });
  });
});

import { describe, expect, test } from "@jest/globals";
import { jobName, parseDeliveryJob } from "../src/delivery-job.js";

const hint = {
  deliveryId: "019aa8f0-1c6e-7c3a-9d5e-2f4b6a8c0e12",
  webhookId: "019aa8f0-1c6e-7c3a-9d5e-2f4b6a8c0e13",
  series: 2,
  number: 3,
};

test("a job of ids and counts is accepted as it is", () => {
  const job = { hints: [hint, { ...hint, number: 4 }] };
  expect(parseDeliveryJob(job)).toEqual(job);
});

test("a hint that was pulled says so", () => {
  const job = { hints: [{ ...hint, isPulled: true }] };
  expect(parseDeliveryJob(job)).toEqual(job);
});

describe("a job's name, without a colon, which BullMQ reserves,", () => {
  const name = "019aa8f0-1c6e-7c3a-9d5e-2f4b6a8c0e12-2-3";
  const last = { ...hint, deliveryId: "019aa8f0-1c6e-7c3a-9d5e-2f4b6a8c0e99" };

  test.each([
    ["is of its one hint's delivery, series and number", [hint], name],
    ["says that its hint is overdue", [{ ...hint, isOverdue: true }], `${name}-overdue`],
    ["is of its first and last delivery, and how many", [hint, hint, last], `${name}-to-${last.deliveryId}-of-3`],
    ["is the same in any order", [last, hint, hint], `${name}-to-${last.deliveryId}-of-3`],
  ])("%s", (_, hints, expected) => {
    expect(jobName({ hints })).toBe(expected);
  });
});

describe("a job is refused in one line that names the field:", () => {
  test.each([
    ["nothing", undefined, /required/],
    ["no object", "x", /must be of type object/],
    ["no hints", { hints: [] }, /hints must contain at least 1 items/],
    [
      "too many hints",
      { hints: Array.from({ length: 101 }, () => hint) },
      /hints must contain less than or equal to 100/,
    ],
    ["no UUID", { hints: [{ ...hint, deliveryId: "17" }] }, /deliveryId must be a valid GUID/],
    ["a webhook that is none", { hints: [{ ...hint, webhookId: "17" }] }, /webhookId must be a valid GUID/],
    [
      "a UUID in braces",
      { hints: [{ ...hint, deliveryId: `{${hint.deliveryId}}` }] },
      /deliveryId must be a valid GUID/,
    ],
    ["series 0", { hints: [{ ...hint, series: 0 }] }, /series must be greater/],
    ["a number as text", { hints: [{ ...hint, number: "3" }] }, /number must be a number/],
    ["half a number", { hints: [{ ...hint, number: 1.5 }] }, /number must be an integer/],
    ["a payload", { hints: [{ ...hint, payload: {} }] }, /payload is not allowed/],
    [
      "two faults",
      { hints: [{ series: 1 }] },
      /deliveryId is required; hints\[0\].webhookId is required; hints\[0\].number is required/,
    ],
  ])("%s", (_, data, reason) => {
    expect(() => parseDeliveryJob(data)).toThrow(reason);
    expect(() => parseDeliveryJob(data)).toThrow(/^invalid delivery job: .*$/);
  });
});

import { describe, expect, test } from "@jest/globals";
import { hintId, parseDeliveryJob } from "../src/delivery-job.js";

const job = {
  deliveryId: "019aa8f0-1c6e-7c3a-9d5e-2f4b6a8c0e12",
  webhookId: "019aa8f0-1c6e-7c3a-9d5e-2f4b6a8c0e13",
  series: 2,
  number: 3,
};

test("a job of ids and counts is accepted as it is", () => {
  expect(parseDeliveryJob(job)).toEqual(job);
});

test("a job that was pulled says so", () => {
  expect(parseDeliveryJob({ ...job, isPulled: true })).toEqual({ ...job, isPulled: true });
});

test("a hint's id names delivery, series and number without a colon, which BullMQ reserves", () => {
  expect(hintId(job)).toBe("019aa8f0-1c6e-7c3a-9d5e-2f4b6a8c0e12-2-3");
});

describe("a job is refused in one line that names the field:", () => {
  test.each([
    ["nothing", undefined, /required/],
    ["no object", "x", /must be of type object/],
    ["no UUID", { ...job, deliveryId: "17" }, /deliveryId must be a valid GUID/],
    ["a webhook that is none", { ...job, webhookId: "17" }, /webhookId must be a valid GUID/],
    ["a UUID in braces", { ...job, deliveryId: `{${job.deliveryId}}` }, /deliveryId must be a valid GUID/],
    ["series 0", { ...job, series: 0 }, /series must be greater/],
    ["a number as text", { ...job, number: "3" }, /number must be a number/],
    ["half a number", { ...job, number: 1.5 }, /number must be an integer/],
    ["a payload", { ...job, payload: {} }, /payload is not allowed/],
    ["two faults", { series: 1 }, /deliveryId is required; webhookId is required; number is required/],
  ])("%s", (_, data, reason) => {
    expect(() => parseDeliveryJob(data)).toThrow(reason);
    expect(() => parseDeliveryJob(data)).toThrow(/^invalid delivery job: .*$/);
  });
});

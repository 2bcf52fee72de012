import { expect, test } from "@jest/globals";
import { countOutOfOrder, disorderOf } from "../src/order.js";

test.each([
  [[1, 2, 3, 4], { late: 0, overtakenMax: 0 }],
  [[2, 1, 3, 4], { late: 1, overtakenMax: 1 }],
  [[2, 3, 4, 1], { late: 1, overtakenMax: 3 }],
  [[4, 3, 2, 1], { late: 3, overtakenMax: 3 }],
])("of %j, those count as late that came after higher ones", (numbers, disorder) => {
  expect(disorderOf(numbers)).toEqual(disorder);
});

const ok = (number: number) => ({ number, status: 200 });
const failed = (number: number) => ({ number, status: 500 });

test.each([
  ["one after the other", [ok(1), ok(2), ok(3)], 0],
  ["a failure that is repeated until it succeeds", [ok(1), failed(2), failed(2), ok(2), ok(3)], 0],
  ["a repeat of a success", [ok(1), ok(1), ok(2)], 0],
  ["one that passes a failure", [ok(1), failed(2), ok(3), ok(2)], 1],
  ["two that swap places", [ok(2), ok(1)], 1],
])("strict order: %s", (_, arrivals, outOfOrder) => {
  expect(countOutOfOrder(arrivals)).toBe(outOfOrder);
});

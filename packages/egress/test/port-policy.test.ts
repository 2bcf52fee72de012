import { expect, test } from "@jest/globals";
import { createPortPolicy } from "../src/port-policy.js";

test.each([80, 443, 1024, 3000, 8000, 8080, 8443, 9999, 65_535])("port %i is open unless told otherwise", (port) => {
  expect(createPortPolicy(null).isAllowed(port)).toBe(true);
});

test.each([0, 1, 21, 22, 23, 25, 53, 79, 81, 110, 389, 442, 444, 465, 587, 1023, 65_536, Number.NaN])(
  "port %d is closed unless told otherwise",
  (port) => {
    expect(createPortPolicy(null).isAllowed(port)).toBe(false);
  },
);

test.each([2049, 3306, 5060, 5432, 6000, 6379, 6667, 9200, 10_080, 11_211, 27_017])(
  "port %i is closed though it is above 1023: no receiver listens there",
  (port) => {
    expect(createPortPolicy(null).isAllowed(port)).toBe(false);
  },
);

test("a list opens what it names and nothing else, dangerous or not", () => {
  const ports = createPortPolicy("443, 8000-8002,6379");
  const asked = [80, 442, 443, 444, 6379, 7999, 8000, 8001, 8002, 8003];
  expect(asked.filter((port) => ports.isAllowed(port))).toEqual([443, 6379, 8000, 8001, 8002]);
});

test.each(["", "https", "0", "65536", "9-8", "1-2-3", "-80", "80-", "80,,443", "8 0", "0x50", "1e3"])(
  "%j is refused",
  (text) => {
    expect(() => createPortPolicy(text)).toThrow("is not a port");
  },
);

import { expect } from "@jest/globals";

const UTC_WITH_MS = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
// Texts of users, whatever their names are.
const FREE = new Set(["payload", "attributes", "metadata", "headers", "request_headers", "response_headers"]);

/** Fails unless every `…_at` in an answer is a UTC time with milliseconds, or null. */
export function expectTimes(body: unknown): void {
  for (const [name, value] of timesIn(body)) {
    expect({ name, value }).toEqual({ name, value: expect.stringMatching(UTC_WITH_MS) });
  }
}

function timesIn(body: unknown): [string, unknown][] {
  if (typeof body !== "object" || body === null) return [];
  return Object.entries(body).flatMap(([name, value]): [string, unknown][] => {
    if (FREE.has(name)) return [];
    return name.endsWith("_at") && value !== null ? [[name, value]] : timesIn(value);
  });
}

import { expect, test } from "@jest/globals";
import { createAdmission } from "../src/lanes/admission.js";
import { createOrganizationSeats } from "../src/lanes/organization-seats.js";

const SLOTS = 16;
const OWN_MAX = 14;
const MINUTE_MS = 60_000;

test("an organization may take the whole worker while it is alone, and leaves an eighth while another sends", () => {
  let nowMs = 0;
  const seats = createOrganizationSeats({ slots: SLOTS, nowMs: () => nowMs });
  for (let request = 0; request < OWN_MAX; request++) seats.take("a");
  expect(seats.room("a")).toBeGreaterThan(SLOTS);
  seats.take("b");
  expect(seats.room("a")).toBe(0);
  expect(seats.room("b")).toBe(OWN_MAX - 1);
  seats.giveBack("a");
  expect(seats.room("a")).toBe(1);
  nowMs = MINUTE_MS + 1;
  expect(seats.room("a")).toBeGreaterThan(SLOTS);
});

test("a worker of two slots keeps one for others, a worker of one goes from hand to hand", () => {
  for (const slots of [1, 2]) {
    const seats = createOrganizationSeats({ slots, nowMs: () => 0 });
    seats.take("a");
    seats.take("b");
    seats.giveBack("b");
    expect(seats.room("a")).toBe(0);
    seats.giveBack("a");
    expect(seats.room("a")).toBe(1);
  }
});

test("at a webhook of one that has all that is its own there is no seat, and nobody waits for it", async () => {
  const admission = createAdmission({ slots: SLOTS, nowMs: () => 0 });
  const meet = (webhookId: string, organizationId: string) =>
    admission.endpoints.meet(webhookId, { organizationId, isProven: true, inFlightMax: 10 });
  for (let webhook = 0; webhook < OWN_MAX; webhook++) meet(`loud ${webhook}`, "loud");
  meet("quiet", "quiet");
  expect(await admission.enter("quiet")).not.toBeNull();
  const seats = await Promise.all(Array.from({ length: OWN_MAX }, (_, webhook) => admission.enter(`loud ${webhook}`)));
  expect(seats.every((seat) => seat !== null)).toBe(true);
  expect(admission.roomAt("loud 0")).toBe(0);
  expect(await admission.enter("loud 0")).toBeNull();
  expect(await admission.enter("quiet")).not.toBeNull();
  seats[0]?.leave("succeeded");
  expect(await admission.enter("loud 1")).not.toBeNull();
});

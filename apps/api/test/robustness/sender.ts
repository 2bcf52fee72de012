import { parseEventId } from "@homing/core/events/event-id";
import { SYSTEM } from "@homing/core/audit-log/actor";
import { createOrganization } from "@homing/core/organizations/create-organization";
import { hashApiKey } from "@homing/signature/api-key";
import request, { type Response, type Test } from "supertest";
import { createKey } from "../contracts/create-key.js";
import { UNKNOWN_ID } from "../native/fixtures.js";
import type { Mark } from "./good-input.js";
import { KEY_MARKS } from "./odd-request.js";
import { OPERATOR, OPERATOR_KEY, type RobustApi } from "./robust-api.js";

const UNKNOWN_NUMBER = "9007199254740991";
const EVENTS = 3;
/** Requests archive some of them. */
const WEBHOOKS = 12;
const SPARE_KEYS = 3;

/** What each mark may stand for, one after the other. */
type Marks = Readonly<Record<Mark, readonly string[]>>;

const UNKNOWN: Marks = {
  webhook: [UNKNOWN_ID],
  event: [UNKNOWN_ID],
  delivery: [UNKNOWN_ID],
  key: [UNKNOWN_ID],
  organization: [UNKNOWN_ID],
  webhook_number: [UNKNOWN_NUMBER],
  delivery_number: [UNKNOWN_NUMBER],
  cursor_events: ["AAAA"],
  cursor_webhooks: ["AAAA"],
  cursor_deliveries: ["AAAA"],
};

/** An organization with rows of its own that asks odd things. */
export interface Sender {
  organizationId: string;
  marks: Marks;
  /** Puts its ids and keys in the place of a text's marks. */
  fill: (text: string) => string;
}

/** Makes a sender; without `foreign` it is the one whose rows the others name and that never asks. */
export async function createSender(api: RobustApi, foreign: Marks | null): Promise<Sender> {
  const { db } = api;
  const { organizationId, key } = await createOrganization({ db, actor: SYSTEM }, { name: "test" });
  const revoked = await createKey(db, organizationId, {});
  await db.apiKey.update({ where: { keyHash: hashApiKey(revoked) }, data: { revokedAt: new Date() } });
  const texts = new Map<string, readonly string[]>([
    [KEY_MARKS.key, [key]],
    [KEY_MARKS.poor, [await createKey(db, organizationId, { scopes: [] })]],
    [KEY_MARKS.revoked, [revoked]],
    [KEY_MARKS.installation, [OPERATOR_KEY]],
    [KEY_MARKS.operator, [Buffer.from(`${OPERATOR.username}:${OPERATOR.password}`).toString("base64")]],
  ]);
  // Requests revoke these.
  const keys = await Promise.all(Array.from({ length: SPARE_KEYS }, () => createKey(db, organizationId, {})));
  const rows = await db.apiKey.findMany({ where: { keyHash: { in: keys.map(hashApiKey) } } });
  const marks: Marks = {
    ...(await makeMarks(api, key)),
    key: rows.map(({ id }) => id),
    organization: [organizationId],
  };
  const known = { own: marks, foreign: foreign ?? UNKNOWN, unknown: UNKNOWN };
  for (const [whose, table] of Object.entries(known)) {
    for (const [mark, values] of Object.entries(table)) texts.set(`@${whose}:${mark}@`, values);
  }
  let turn = 0;
  const valueOf = (mark: string): string => {
    const values = texts.get(mark) ?? [mark];
    turn += 1;
    return values[turn % values.length] ?? mark;
  };
  return {
    organizationId,
    marks,
    fill: (text) => text.replaceAll(/@[\w:]+@/g, valueOf),
  };
}

interface Row {
  id: string;
  number?: number;
}

async function makeMarks(api: RobustApi, key: string): Promise<Omit<Marks, "key" | "organization">> {
  const ask = async (asking: Test): Promise<Response["body"]> => {
    const { ok, text, body } = await asking.set("Authorization", `Bearer ${key}`);
    if (!ok) throw new Error(`no rows were made: ${text}`);
    return body;
  };
  const server = request(`http://127.0.0.1:${api.port}`);
  const settings = { url: "https://a.example/", event_types: ["seed"] };
  for (let count = 0; count < WEBHOOKS; count += 1) await ask(server.post("/v1/webhooks").send(settings));
  for (let count = 0; count < EVENTS; count += 1) {
    await ask(server.post("/v1/events").send({ type: "seed", payload: { count } }));
  }
  await api.settle();
  const cursorOf = async (list: string): Promise<string> => (await ask(server.get(`/v1/${list}?limit=1`))).next_cursor;
  const rowsOf = async (list: string): Promise<Row[]> => (await ask(server.get(`/v1/${list}`))).data;
  const [webhooks, events, deliveries] = [await rowsOf("webhooks"), await rowsOf("events"), await rowsOf("deliveries")];
  return {
    webhook: webhooks.map(({ id }) => id),
    event: events.map(({ id }) => parseEventId(id) ?? id),
    delivery: deliveries.map(({ id }) => id),
    webhook_number: webhooks.map(({ number }) => String(number)),
    delivery_number: deliveries.map(({ number }) => String(number)),
    cursor_events: [await cursorOf("events")],
    cursor_webhooks: [await cursorOf("webhooks")],
    cursor_deliveries: [await cursorOf("deliveries")],
  };
}

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { makeDelivery, makeWebhook, publish } from "./fixtures.js";
import { type NativeApi, type Organization, startNativeApi } from "./native-api.js";

const ROWS = 120;
const LIMIT = 50;

let api: NativeApi;
let us: Organization;

beforeAll(async () => {
  api = await startNativeApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  us = await api.createOrganization();
});

async function publishMany(count: number): Promise<void> {
  const events = Array.from({ length: count }, () => ({ type: "a", payload: {} }));
  await us.ask("POST", "/v1/events/batch", { json: { events } });
}

/** The lists that hold as many rows as were published, by path. */
const LISTS = ["/v1/events", "/v1/deliveries"];

describe.each(LISTS)("GET %s", (path) => {
  test("walks 120 rows without gap or repeat while new rows come in", async () => {
    await makeWebhook(us);
    await publishMany(ROWS);
    const { body: before } = await us.ask("GET", path, { query: { limit: 200 } });
    const expected = before.data.map(({ id }: { id: string }) => id);
    expect(expected).toHaveLength(ROWS);
    const seen: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const query: Record<string, string | number> = cursor === null ? { limit: LIMIT } : { limit: LIMIT, cursor };
      const { body } = await us.ask("GET", path, { query });
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.next_cursor;
      pages += 1;
      await publishMany(7);
    } while (cursor !== null && pages < 10);
    expect(pages).toBe(3);
    expect(seen).toEqual(expected);
  });

  test("a full last page says that it is the last", async () => {
    await makeWebhook(us);
    await publishMany(LIMIT);
    expect((await us.ask("GET", path, { query: { limit: LIMIT } })).body.next_cursor).toBeNull();
    expect((await us.ask("GET", path, { query: { limit: LIMIT - 1 } })).body.next_cursor).not.toBeNull();
  });
});

describe("a cursor", () => {
  async function makeCursor(organization: Organization, path: string): Promise<string> {
    const { body } = await organization.ask("GET", path, { query: { limit: 1 } });
    expect(body.next_cursor).toEqual(expect.any(String));
    return body.next_cursor;
  }

  async function makeRows(organization: Organization): Promise<string[]> {
    await makeWebhook(organization);
    const { eventId } = await makeDelivery(organization);
    const second = await publish(organization);
    return ["/v1/webhooks", "/v1/events", "/v1/deliveries", `/v1/events/${second}/deliveries`].concat(eventId);
  }

  async function expectRefused(path: string, cursor: string, organization = us): Promise<void> {
    const { status, body } = await organization.ask("GET", path, { query: { cursor } });
    expect({ path, status }).toEqual({ path, status: 422 });
    expect(body.errors).toEqual([{ in: "query", pointer: "/cursor", detail: "is not a cursor of this list" }]);
  }

  test("of another list is 422", async () => {
    const paths = (await makeRows(us)).slice(0, 4);
    for (const path of paths) {
      const cursor = await makeCursor(us, path);
      expect((await us.ask("GET", path, { query: { cursor } })).status).toBe(200);
      for (const other of paths.filter((one) => one !== path)) await expectRefused(other, cursor);
    }
  });

  test("of another event's deliveries is 422", async () => {
    const rows = await makeRows(us);
    const cursor = await makeCursor(us, rows[3] ?? "");
    await expectRefused(`/v1/events/${rows[4]}/deliveries`, cursor);
  });

  test("of another organization is 422", async () => {
    const them = await api.createOrganization();
    await makeRows(them);
    for (const path of LISTS) await expectRefused(path, await makeCursor(them, path));
  });

  test("changed in any of its characters is 422", async () => {
    await makeRows(us);
    const cursor = await makeCursor(us, "/v1/deliveries");
    for (let at = 0; at < cursor.length; at += 1) {
      const other = cursor[at] === "A" ? "B" : "A";
      await expectRefused("/v1/deliveries", cursor.slice(0, at) + other + cursor.slice(at + 1));
    }
    await expectRefused("/v1/deliveries", `${cursor}=`);
    await expectRefused("/v1/deliveries", Buffer.from("0197f3a0-0000-7000-8000-000000000001").toString("base64url"));
  });
});

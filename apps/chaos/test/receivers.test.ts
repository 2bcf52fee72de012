import { type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { waitFor } from "@homing/local/wait-for";
import { Webhook } from "standardwebhooks";
import { createRandom } from "../src/random.js";
import { createReceivers, type Receivers } from "../src/receivers.js";
import type { RequestRecord } from "../src/request-record.js";

const PATIENCE_MS = 800;
const SECRET = `whsec_${Buffer.from("a secret of at least 24 bytes").toString("base64")}`;

let receivers: Receivers;
let records: RequestRecord[];

beforeEach(async () => {
  records = [];
  receivers = createReceivers({ random: createRandom(1, "test"), write: (record) => records.push(record) });
  await new Promise<void>((resolve) => receivers.server.listen(0, "127.0.0.1", resolve));
});
afterEach(() => receivers.close());

/** The status and whole body, or the name of what went wrong. */
async function post(webhook: string, headers: Record<string, string> = {}): Promise<string> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const response = await fetch(`http://127.0.0.1:${portOf(receivers.server)}/${webhook}`, {
      method: "POST",
      body: "{}",
      headers: { "webhook-id": "evt_1", "homing-delivery-id": "d1", ...headers },
      signal,
    });
    return `${response.status} ${await response.text()}`;
  } catch (error) {
    return String(error).split(":", 1)[0] ?? "";
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

async function recorded(): Promise<RequestRecord | undefined> {
  await waitFor(() => records.length > 0, { what: "a record" });
  return records[0];
}

describe("a receiver", () => {
  test("that is well answers 200 and writes down what came", async () => {
    expect(await post("well-1")).toBe("200 ok");
    expect(await recorded()).toMatchObject({
      webhook: "well-1",
      eventId: "evt_1",
      deliveryId: "d1",
      status: 200,
      isComplete: true,
      bodyHash: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      signature: "unchecked",
    });
  });

  test.each([
    ["resets", "TypeError", { status: null, isComplete: false }],
    ["hangs", "TimeoutError", { status: null, isComplete: false }],
    ["half-header", "TimeoutError", { status: null, isComplete: false }],
    ["streams", "TimeoutError", { status: 200, isComplete: false }],
    ["drips", "TimeoutError", { status: 200, isComplete: false }],
  ])("named %s is ill in its way (%s), until it is well again", async (webhook, ending, record) => {
    receivers.turn({ webhook, isIll: true });
    expect(await post(webhook)).toBe(ending);
    expect(await recorded()).toMatchObject(record);
    receivers.turn({ webhook, isIll: false });
    expect(await post(webhook)).toBe("200 ok");
  });

  test("that answers with statuses never answers with 2xx while it is ill", async () => {
    receivers.turn({ webhook: "statuses", isIll: true });
    const answers = await Promise.all(Array.from({ length: 20 }, () => post("statuses")));
    expect(answers.filter((answer) => answer.startsWith("2"))).toEqual([]);
    expect(new Set(answers).size).toBeGreaterThan(2);
  });

  test("that never gets well refuses from the start", async () => {
    expect(await post("refuses")).toBe("500 500");
  });

  test("checks a sample of the signatures, whatever the sender's clock says", async () => {
    receivers.setSecrets({ "well-1": SECRET });
    const seconds = Math.floor(Date.now() / 1000) - 3_600;
    const signature = new Webhook(SECRET).sign("evt_1", new Date(seconds * 1000), "{}");
    const headers = { "webhook-timestamp": String(seconds), "webhook-signature": signature };
    for (let count = 1; count <= 10; count++) await post("well-1", headers);
    for (let count = 1; count <= 10; count++) await post("well-1", { ...headers, "webhook-id": "evt_2" });
    await waitFor(() => records.length === 20, { what: "all records" });
    const checked = records.map(({ signature: verdict }) => verdict).filter((verdict) => verdict !== "unchecked");
    expect(checked).toEqual(["valid", "invalid"]);
  });
});

import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type TestReceiver, startReceiver } from "../src/test-receiver.js";

let receiver: TestReceiver;

beforeEach(async () => {
  receiver = await startReceiver();
});

afterEach(() => receiver.close());

test("a receiver records each request as it came and answers 200 by itself", async () => {
  const body = Buffer.from([0, 255, 1]);
  const response = await fetch(`${receiver.url}hook?a=1`, { method: "PUT", body, headers: { "webhook-id": "evt_1" } });
  expect(response.status).toBe(200);
  expect(receiver.requests).toHaveLength(1);
  expect(receiver.requests[0]).toMatchObject({ method: "PUT", path: "/hook?a=1", headers: { "webhook-id": "evt_1" } });
  expect(receiver.requests[0]?.body.equals(body)).toBe(true);
});

test("a receiver answers as its handler says, counting the requests", async () => {
  receiver.answerWith((_, count) => ({
    status: count === 1 ? 500 : 201,
    body: `answer ${count}`,
    headers: { "x-count": `${count}` },
  }));
  const first = await fetch(receiver.url, { method: "POST" });
  const second = await fetch(receiver.url, { method: "POST" });
  expect([first.status, await first.text(), first.headers.get("x-count")]).toEqual([500, "answer 1", "1"]);
  expect([second.status, await second.text()]).toEqual([201, "answer 2"]);
});

test("a receiver can hang up without an answer, and has recorded the request", async () => {
  receiver.answerWith(() => ({ destroy: true }));
  await expect(fetch(receiver.url, { method: "POST" })).rejects.toThrow("fetch failed");
  expect(receiver.requests).toHaveLength(1);
});

test("a receiver holds its answer back, and closes meanwhile without waiting for it", async () => {
  receiver.answerWith(() => ({ delayMs: 60_000 }));
  const outcome = fetch(receiver.url, { method: "POST" }).then(
    () => "answered",
    () => "closed",
  );
  await receiver.waitForRequests(1);
  await receiver.close();
  expect(await outcome).toBe("closed");
});

test("waiting for requests resolves with the first so many and says which number did not come", async () => {
  await Promise.all([1, 2, 3].map(() => fetch(receiver.url)));
  expect(await receiver.waitForRequests(2)).toHaveLength(2);
  await expect(receiver.waitForRequests(4, 30)).rejects.toThrow("4 requests at the receiver");
});

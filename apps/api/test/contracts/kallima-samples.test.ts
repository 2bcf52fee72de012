import { cancelDelivery } from "@homing/core/deliveries/cancel";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";
import { makeDelivery, makeSent, ROOT } from "./kallima-fixtures.js";
import { runSample } from "./run-sample.js";

/** As the vendor's reference shows it. */
const CURL = `curl --request POST \\
  --url https://api.example.com/v1/webhook_deliveries/{delivery_id}/retry \\
  --header 'Authorization: Bearer <token>'`;

/** The vendor's example of an answer. */
const EXAMPLE = {
  attempts: 1,
  created_at: "2026-04-23T10:00:05+00:00",
  delivered_at: "2026-04-23T10:00:05+00:00",
  event_id: "evt_01JBAAAA000000000000000000",
  event_type: "humanization.completed",
  id: "ffff0001-eeee-0002-dddd-000300040005",
  object: "webhook_delivery",
  request_body: { id: "dddd1111-...", object: "humanization" },
  response_body: "",
  response_status: 200,
  webhook_id: "aaaa0001-bbbb-0002-cccc-000300040005",
};

let api: ContractApi;
let us: ContractOrganization;
let receiver: TestReceiver;

beforeAll(async () => {
  api = await startContractApi();
  us = await api.createOrganization();
  receiver = await startReceiver();
});
afterAll(async () => {
  await api.stop();
  await receiver.close();
});

/** A value's shape: keys and types, and of texts their format, digits and letters apart. */
function shapeOf(value: unknown): unknown {
  if (typeof value === "string") return value.replaceAll(/[0-9a-f]/g, "0").replaceAll(/[0A-Z]{26}/g, "ULID");
  if (typeof value !== "object" || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]));
}

/** A delivery that was cancelled before it was sent, so that the retry is answered with the example's own numbers. */
async function makeUnsent(): Promise<string> {
  api.worker.pause();
  const { deliveryId } = await makeDelivery(us, receiver);
  await cancelDelivery(api.context, { organizationId: us.organizationId, deliveryId });
  api.worker.resume();
  return deliveryId;
}

function expectExample(answer: unknown): void {
  expect(shapeOf(answer)).toEqual(shapeOf(EXAMPLE));
  const { attempts, event_type, object, request_body, response_body, response_status } = EXAMPLE;
  expect(answer).toMatchObject({ attempts, event_type, object, request_body, response_body, response_status });
}

test("the sample in curl is answered like the example", async () => {
  const deliveryId = await makeUnsent();
  const command = CURL.replace("https://api.example.com", api.url)
    .replace("{delivery_id}", deliveryId)
    .replace("<token>", us.key);
  expectExample(JSON.parse(await runSample("curl", command)));
});

test("the same with fetch is answered like the example", async () => {
  const deliveryId = await makeUnsent();
  const answer = await fetch(`${api.url}${ROOT}/${deliveryId}/retry`, {
    method: "POST",
    headers: { Authorization: `Bearer ${us.key}` },
  });
  expect(answer.headers.get("content-type")).toBe("application/json");
  expectExample(await answer.json());
});

test("after a first attempt the same sample adds one, and nothing else differs", async () => {
  const { deliveryId } = await makeSent(us, receiver);
  const answer = await fetch(`${api.url}${ROOT}/${deliveryId}/retry`, {
    method: "POST",
    headers: { Authorization: `Bearer ${us.key}` },
  });
  const body: unknown = await answer.json();
  expect(shapeOf(body)).toEqual(shapeOf(EXAMPLE));
  expect(body).toMatchObject({ id: deliveryId, attempts: 2 });
});

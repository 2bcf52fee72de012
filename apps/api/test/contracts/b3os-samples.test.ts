import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { makeEndpoint, publish, waitForStatus } from "./b3os-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";
import { isRunnable, RUN_TIMEOUT_MS, runSample, type SampleLanguage } from "./run-sample.js";

/** The answer that the contract's document shows; `<…>` and numbers stand for a type. */
const EXAMPLE = {
  code: 200,
  data: {
    createdAt: "<string>",
    durationMs: 123,
    endpointId: "<string>",
    errorMessage: "<string>",
    eventType: "<string>",
    executionId: "<string>",
    id: "<string>",
    maxRetries: 123,
    nextRetryAt: "<string>",
    organizationId: "<string>",
    requestBody: "<object>",
    requestHeaders: "<object>",
    responseBody: "<string>",
    responseHeaders: "<object>",
    responseStatus: 123,
    retryCount: 123,
    runId: "<string>",
    status: "pending",
    updatedAt: "<string>",
    workflowId: "<string>",
  },
  message: "success",
  requestId: "req_123",
};

interface Sample {
  language: SampleLanguage;
  /** As the document has it, its line breaks restored. */
  text: string;
}

const SAMPLES: Sample[] = [
  {
    language: "curl",
    text: `curl -X POST 'https://api.example.com/v1/execution-webhooks/deliveries/string/retry' \\
  -H 'Authorization: Bearer YOUR_API_TOKEN'`,
  },
  {
    language: "JavaScript",
    text: `const response = await fetch('https://api.example.com/v1/execution-webhooks/deliveries/string/retry', {
  method: 'POST',
  headers: {
    "Authorization": "Bearer YOUR_API_TOKEN"
  }
});

const data = await response.json();
console.log(data);`,
  },
  {
    language: "Python",
    text: `import requests

headers = {
    'Authorization': 'Bearer YOUR_API_TOKEN'
}

response = requests.post('https://api.example.com/v1/execution-webhooks/deliveries/string/retry', headers=headers)
print(response.json())`,
  },
  {
    language: "Go",
    text: `package main

import (
    "fmt"
    "io"
    "net/http"
)

func main() {
    req, _ := http.NewRequest("POST", "https://api.example.com/v1/execution-webhooks/deliveries/string/retry", nil)
    req.Header.Set("Authorization", "Bearer YOUR_API_TOKEN")

    resp, _ := http.DefaultClient.Do(req)
    defer resp.Body.Close()
    result, _ := io.ReadAll(resp.Body)
    fmt.Println(string(result))
}`,
  },
];

let api: ContractApi;
let us: ContractOrganization;
let receiver: TestReceiver;

beforeAll(async () => {
  api = await startContractApi();
});
beforeEach(async () => {
  us = await api.createOrganization();
  receiver = await startReceiver(() => ({ status: 500, body: "no" }));
});
afterEach(async () => {
  api.worker.resume();
  await receiver.close();
});
afterAll(() => api.stop());

describe("the document's own sample is answered as its example says", () => {
  for (const sample of SAMPLES) {
    const testOrSkip = isRunnable(sample.language) ? test : test.skip;
    testOrSkip(
      sample.language,
      async () => {
        const endpoint = await makeEndpoint(us, receiver.url, { maxRetries: 0 });
        const attributes = { executionId: "exec_1", runId: "run_1", workflowId: "wf_1" };
        const deliveryId = await publish(us, endpoint.id, { attributes });
        await waitForStatus(us, deliveryId, "failure");
        api.worker.pause();
        const text = sample.text
          .replace("https://api.example.com", api.url)
          .replace("YOUR_API_TOKEN", us.key)
          .replace("/string/", `/${deliveryId}/`);
        const answer = JSON.parse(await runSample(sample.language, text));
        expect(shapeOf(answer)).toEqual(shapeOf(EXAMPLE));
        expect(answer).toMatchObject({ code: 200, message: "success", data: { id: deliveryId, status: "pending" } });
        expect(answer.requestId).toMatch(/^req_/);
      },
      RUN_TIMEOUT_MS,
    );
  }
});

/** The types of an answer's members; what `<object>` stands for is not looked into. */
function shapeOf(value: unknown): unknown {
  if (value === "<object>") return "object";
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === "data" ? shapeOf(member) : member === "<object>" ? "object" : typeof member,
    ]),
  );
}

import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startReceiver, type TestReceiver } from "@homing/local/test-receiver";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { makeEndpoint, publish, waitForStatus } from "./b3os-fixtures.js";
import { type ContractApi, type ContractOrganization, startContractApi } from "./contract-api.js";

const run = promisify(execFile);
/** Go compiles net/http when its cache is cold. */
const RUN_TIMEOUT_MS = 120_000;

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
  language: string;
  /** Whether the machine has what it takes. */
  isRunnable: boolean;
  /** As the document has it, its line breaks restored. */
  text: string;
  run(text: string, folder: string): Promise<{ stdout: string }>;
}

const SAMPLES: Sample[] = [
  {
    language: "curl",
    isRunnable: runs("curl", "--version"),
    text: `curl -X POST 'https://api.example.com/v1/execution-webhooks/deliveries/string/retry' \\
  -H 'Authorization: Bearer YOUR_API_TOKEN'`,
    run: (text) => run("sh", ["-c", text]),
  },
  {
    language: "fetch",
    isRunnable: true,
    text: `const response = await fetch('https://api.example.com/v1/execution-webhooks/deliveries/string/retry', {
  method: 'POST',
  headers: {
    "Authorization": "Bearer YOUR_API_TOKEN"
  }
});

const data = await response.json();
console.log(data);`,
    run: (text) =>
      run(process.execPath, [
        "--input-type=module",
        "-e",
        `console.log = (value) => process.stdout.write(JSON.stringify(value));\n${text}`,
      ]),
  },
  {
    language: "Python",
    isRunnable: runs("python3", "-c", "import requests"),
    text: `import requests

headers = {
    'Authorization': 'Bearer YOUR_API_TOKEN'
}

response = requests.post('https://api.example.com/v1/execution-webhooks/deliveries/string/retry', headers=headers)
print(response.json())`,
    run: (text) =>
      run("python3", ["-c", `import json, sys\nprint = lambda value: json.dump(value, sys.stdout)\n${text}`]),
  },
  {
    language: "Go",
    isRunnable: runs("go", "version"),
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
    async run(text, folder) {
      await writeFile(join(folder, "main.go"), text);
      return run("go", ["run", join(folder, "main.go")]);
    },
  },
];

let api: ContractApi;
let us: ContractOrganization;
let receiver: TestReceiver;
let folder: string;

beforeAll(async () => {
  api = await startContractApi();
});
beforeEach(async () => {
  us = await api.createOrganization();
  receiver = await startReceiver(() => ({ status: 500, body: "no" }));
  folder = await mkdtemp(join(tmpdir(), "b3os-sample-"));
});
afterEach(async () => {
  api.worker.resume();
  await receiver.close();
  await rm(folder, { recursive: true });
});
afterAll(() => api.stop());

describe("the document's own sample is answered as its example says", () => {
  for (const sample of SAMPLES) {
    const testOrSkip = sample.isRunnable ? test : test.skip;
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
        const { stdout } = await sample.run(text, folder);
        const answer = JSON.parse(stdout);
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

function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0;
}

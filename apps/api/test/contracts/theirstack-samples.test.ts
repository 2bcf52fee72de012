import { setDeliveryQuota } from "@homing/core/organizations/quota";
import { SCOPES } from "@homing/core/organizations/api-keys";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { ContractOrganization } from "./contract-api.js";
import { isRunnable, RUN_TIMEOUT_MS, runSample, type SampleLanguage } from "./run-sample.js";
import {
  makeWebhook,
  type MadeWebhook,
  publishTo,
  rowOf,
  startTheirstack,
  type Theirstack,
  waitForStatus,
} from "./theirstack-fixtures.js";

/** The page's only sample, its line breaks restored. The header that the page asks for is not in it. */
const CURL = `curl -X POST "https://api.theirstack.com/v0/webhooks/events/retry" \\
  -H "Content-Type: application/json" \\
  -d '{    "webhook_event_ids": [      0    ]  }'`;
const AUTHORIZATION = `-H "Authorization: Bearer <token>"`;

const FETCH = `const response = await fetch("https://api.theirstack.com/v0/webhooks/events/retry", {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: "Bearer <token>" },
  body: '{    "webhook_event_ids": [      0    ]  }',
});
console.log(await response.json());`;

/** What the page shows for 200, and for 400, 402, 422 and 500. */
const EXAMPLE = null;
const ERROR_EXAMPLE = {
  request_id: null,
  error: { code: "E-001", title: "Not allowed exception", description: "string" },
};
const CODE = /^E-0(0[1-9]|1[0-6])$/;

const SAMPLES: { language: SampleLanguage; text: string }[] = [
  { language: "curl", text: `${CURL} \\\n  ${AUTHORIZATION}` },
  { language: "JavaScript", text: FETCH },
];

let all: Theirstack;
let us: ContractOrganization;
let webhook: MadeWebhook;
let failed: number;

beforeAll(async () => {
  all = await startTheirstack();
});
beforeEach(async () => {
  us = await all.api.createOrganization();
  webhook = await makeWebhook(us, { url: all.receiver.url });
  all.receiver.answerWith(() => ({ status: 500 }));
  failed = await publishTo(us, webhook);
  await waitForStatus(us, webhook, failed, "FAILED");
  all.receiver.answerWith(() => ({}));
});
afterAll(() => all.stop());

/** Runs a sample with its base URL, token and id replaced. */
async function answerTo(
  { language, text }: (typeof SAMPLES)[number],
  { token = us.key, id = failed }: { token?: string; id?: unknown } = {},
): Promise<unknown> {
  const replaced = text
    .replace("https://api.theirstack.com", all.api.url)
    .replace("<token>", token)
    .replace(" 0 ", ` ${JSON.stringify(id)} `);
  return JSON.parse(await runSample(language, replaced));
}

/** Fails unless an answer has the example's keys and types; the example's id of a request is the null that stands for an integer. */
function expectErrorExample(answer: unknown, code: unknown): void {
  const { description } = ERROR_EXAMPLE.error;
  expect(answer).toEqual({
    request_id: expect.any(Number),
    error: { code, title: expect.stringMatching(/./), description: expect.any(description.constructor) },
  });
}

describe.each(SAMPLES)("the page's sample in $language", (sample) => {
  const testOrSkip = isRunnable(sample.language) ? test : test.skip;

  testOrSkip(
    "is answered as its example, and the event is sent again",
    async () => {
      expect(await answerTo(sample)).toBe(EXAMPLE);
      await waitForStatus(us, webhook, failed, "SUCCESS");
      expect(await rowOf(all.api, failed)).toMatchObject({ series: 2, attemptsTotal: 2 });
    },
    RUN_TIMEOUT_MS,
  );

  testOrSkip(
    "is refused as its example: 400, 402 and 422",
    async () => {
      expectErrorExample(await answerTo(sample, { id: 0 }), expect.stringMatching(CODE));
      expectErrorExample(await answerTo(sample, { id: "0" }), expect.stringMatching(CODE));
      const scopes = SCOPES.filter((scope) => scope !== "deliveries:retry");
      const { key: token } = await all.api.createKey(us, { scopes });
      const notAllowed = await answerTo(sample, { token });
      expectErrorExample(notAllowed, ERROR_EXAMPLE.error.code);
      expect(notAllowed).toMatchObject({ error: { title: ERROR_EXAMPLE.error.title } });
      await setDeliveryQuota(all.api.context, { organizationId: us.organizationId, deliveriesPerMonth: 0 });
      expectErrorExample(await answerTo(sample), expect.stringMatching(CODE));
      expect(await rowOf(all.api, failed)).toMatchObject({ series: 1, attemptsTotal: 1 });
    },
    RUN_TIMEOUT_MS,
  );
});

test("the sample just as it stands names no key: it is refused in the example's shape", async () => {
  expectErrorExample(await answerTo({ language: "curl", text: CURL }, { id: 0 }), expect.stringMatching(CODE));
});

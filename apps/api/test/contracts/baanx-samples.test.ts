import { transform } from "@swc/core";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createReceivers, deliveredEvent, deliveriesOf, waitForAttempts, webhookAt } from "./baanx-fixtures.js";
import { EXAMPLE, type Sample, SAMPLE_IDS, SAMPLES } from "./baanx-sample-texts.js";
import { type ContractApi, startContractApi } from "./contract-api.js";
import { isRunnable, RUN_TIMEOUT_MS, runSample } from "./run-sample.js";

const receivers = createReceivers();

let api: ContractApi;

beforeAll(async () => {
  api = await startContractApi();
});
afterAll(async () => {
  await api.stop();
  await receivers.closeAll();
});

/** A sample with its names replaced; what it printed. */
async function printed({ language, text: asItStands }: Sample, replaced: (text: string) => string): Promise<string> {
  const text = replaced(asItStands);
  if (language !== "TypeScript") return runSample(language, text);
  // The sample defines a function and leaves the call to its reader.
  const call = `console.log(await retryEvent("${SAMPLE_IDS.event}"));`;
  const { code } = await transform(`${text}\n`, { jsc: { parser: { syntax: "typescript" }, target: "es2022" } });
  return runSample("JavaScript", `${code}\n${replaced(call)}`);
}

for (const sample of SAMPLES) {
  const testOrSkip = sample.language === "TypeScript" || isRunnable(sample.language) ? test : test.skip;
  testOrSkip(
    `the sample in ${sample.language} (${sample.name}) runs as it stands and is answered as its example`,
    async () => {
      const us = await api.createOrganization();
      const { webhookId, eventId } = await deliveredEvent(api, us, await receivers.start());
      await webhookAt(us, await receivers.start());
      api.worker.pause();
      const replaced = (text: string): string =>
        text
          .replaceAll("https://api.baanx.com", api.url)
          .replaceAll("YOUR_ACCESS_TOKEN", us.key)
          .replaceAll(SAMPLE_IDS.event, eventId)
          .replaceAll(SAMPLE_IDS.webhook, webhookId);
      const answer: unknown = JSON.parse(await printed(sample, replaced));
      const webhookCount = sample.webhookCounts.at(-1) ?? 0;
      const message = EXAMPLE.data.message.replace("2", String(webhookCount));
      expect(answer).toEqual({ ...EXAMPLE, data: { eventId, webhookCount, message } });
      const reached = Math.max(...sample.webhookCounts);
      expect(await deliveriesOf(api, eventId)).toHaveLength(reached);
      api.worker.resume();
      await waitForAttempts(api, eventId, reached + 1);
    },
    RUN_TIMEOUT_MS,
  );
}

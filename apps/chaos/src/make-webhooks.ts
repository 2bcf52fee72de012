import type { Form } from "./form.js";
import { WEBHOOK_NAMES, webhookBody } from "./lanes.js";

/** A webhook that the run made, by the name of its receiver. */
export interface MadeWebhook {
  id: string;
  name: string;
  secret: string;
}

/** Makes the webhooks through the API. */
export async function makeWebhooks(options: {
  apiUrl: string;
  key: string;
  receiversUrl: string;
  form: Form;
}): Promise<MadeWebhook[]> {
  const { apiUrl, key, receiversUrl, form } = options;
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const made: MadeWebhook[] = [];
  for (const name of WEBHOOK_NAMES) {
    const body = JSON.stringify(webhookBody(name, receiversUrl, form));
    const response = await fetch(`${apiUrl}/v1/webhooks`, { method: "POST", headers, body });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`webhook ${name} was answered with ${response.status}: ${text}`);
    const { id, secret }: { id: string; secret: string } = JSON.parse(text);
    made.push({ id, name, secret });
  }
  return made;
}

const RECEIVER_URL = "http://127.0.0.1:4000/";
const EVENT = { type: "invoice.paid", payload: { invoice_id: "in_1001", amount_cents: 4200, currency: "EUR" } };

export interface Running {
  /** Of the API, without a path. */
  url: string;
  apiKey: string;
  /** Of who makes organizations. */
  operatorKey: string;
  operator: { username: string; password: string };
  /** Where things are kept, as the reader may type it. */
  directory: string;
  /** Of the embedded Postgres; null with DATABASE_URL. */
  postgresDirectory: string | null;
  hasRedis: boolean;
}

/** What is printed when all is up: where everything is, and three commands to paste. */
export function greet(running: Running): string {
  const { url, apiKey, operatorKey, operator, directory, postgresDirectory } = running;
  return `
Homing is running.

  API       ${url}/v1
  Docs      ${url}/docs
  Queues    ${url}/ops/queues (user ${operator.username}, password ${operator.password})
  API key   ${apiKey}
  Operator  ${operatorKey} (makes organizations)
  Data      ${postgresDirectory === null ? "DATABASE_URL" : `embedded Postgres in ${postgresDirectory}`}; settings and keys in ${directory}/settings.json
  Queue     ${running.hasRedis ? "REDIS_URL" : "in Postgres (REDIS_URL is not set)"}
  Logs      ${directory}/api.log and ${directory}/worker.log; warnings are shown here

Try it. First, in a second terminal here, a receiver that prints what arrives:

npm run receiver

Then register it as a webhook; the answer shows its secret once (npm run receiver -- --secret whsec_... verifies signatures with it):

${post(`${url}/v1/webhooks`, apiKey, { url: RECEIVER_URL })}

Then publish an event:

${post(`${url}/v1/events`, apiKey, EVENT)}

Ctrl-C stops everything; the data stays.
`;
}

function post(url: string, apiKey: string, body: unknown): string {
  const headers = [`authorization: Bearer ${apiKey}`, "content-type: application/json"];
  const options = headers.map((header) => `-H ${quote(header)}`).join(" ");
  return `curl -sS ${quote(url)} ${options} -d ${quote(JSON.stringify(body))}`;
}

// For a POSIX shell.
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

import type { Answer } from "./client.js";
import type { Installation } from "./installation.js";

const QUEUE = "deliveries";

type JobStatus = "active" | "completed" | "waiting" | "prioritized" | "delayed" | "failed";

interface BoardQueues {
  queues: { name: string; jobs: { data: { hints: { deliveryId: string; series: number; number: number }[] } }[] }[];
}

/** Asks Bull Board as the operator. */
export async function askBoard({ url, operator }: Installation, path: string): Promise<Answer> {
  const credential = Buffer.from(`${operator.username}:${operator.password}`).toString("base64");
  const response = await fetch(`${url}/ops/queues${path}`, { headers: { authorization: `Basic ${credential}` } });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** What the newest jobs of a status ask for, as Bull Board shows them: `<delivery>-<series>-<attempt>`. */
export async function jobsAskedFor(installation: Installation, status: JobStatus): Promise<string[]> {
  const path = `/api/queues?activeQueue=${QUEUE}&status=${status}&page=1&jobsPerPage=100`;
  const { text } = await askBoard(installation, path);
  const { queues }: BoardQueues = JSON.parse(text);
  const jobs = queues.find(({ name }) => name === QUEUE)?.jobs ?? [];
  return jobs.flatMap(({ data: { hints } }) =>
    hints.map(({ deliveryId, series, number }) => `${deliveryId}-${series}-${number}`),
  );
}

import { createRequire } from "node:module";

/** A real GitHub event, and the JSON text to publish it as. */
export interface GithubEvent {
  /** As `issues.opened`: its name and action. */
  type: string;
  /** Spelt so that only byte-for-byte transport keeps it. */
  text: string;
}

interface Example {
  name: string;
  examples: { action?: string }[];
}

/** Numbers no double holds, spellings no serialiser chooses. */
const EXACT = String.raw`{"exact":1.0,"huge":12345678901234567890,"tiny":1.50e-7,"spelt":"caf\u00e9 \/ 日本 😀","twice":1,"twice":2,`;

/** All payloads of `@octokit/webhooks-examples`, spelt in four ways in turn. */
export function githubEvents(): GithubEvent[] {
  const groups: Example[] = createRequire(import.meta.url)("@octokit/webhooks-examples");
  const events = groups.flatMap(({ name, examples }) =>
    examples.map((payload) => ({ type: payload.action === undefined ? name : `${name}.${payload.action}`, payload })),
  );
  return events.map(({ type, payload }, index) => ({ type, text: spell(payload, index) }));
}

function spell(payload: object, index: number): string {
  switch (index % 4) {
    case 0:
      return JSON.stringify(payload);
    case 1:
      return JSON.stringify(payload, null, 2);
    case 2:
      return JSON.stringify(payload, null, "\t").replaceAll("\n", " \r\n");
    default:
      return EXACT + JSON.stringify(payload).slice(1);
  }
}

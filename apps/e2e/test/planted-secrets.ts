import { randomBytes } from "node:crypto";
import type { Answer, Asked } from "./client.js";
import type { Source } from "./find-secrets.js";
import type { Installation } from "./installation.js";

/** Secrets by what they are, all of them random. */
export interface Planted {
  all: Map<string, string>;
  /** A new text that is a secret from now on. */
  plant(name: string): string;
  /** A new signing secret. */
  plantSigning(name: string): string;
  /** A text that somebody else made. */
  add(name: string, secret: string): string;
}

export function createPlanted(): Planted {
  const all = new Map<string, string>();
  function add(name: string, secret: string): string {
    all.set(name, secret);
    return secret;
  }
  return {
    all,
    add,
    plant: (name) => add(name, `planted-${randomBytes(18).toString("hex")}`),
    plantSigning: (name) => add(name, `whsec_${randomBytes(32).toString("base64")}`),
  };
}

/** Asks an installation, and keeps every answer, its headers too. */
export interface Recorder {
  sources: Source[];
  /** @param mayHold secrets that this answer is there to show */
  ask(method: string, path: string, asked?: Asked & { mayHold?: string[] }): Promise<Answer>;
  /** Without the installation's key. */
  askAs(authorization: string, method: string, path: string): Promise<Answer>;
  /** One that shows the secrets which it makes: they are planted under this name, by the members that hold them. */
  askForSecret(name: string, planted: Planted, ...asked: [method: string, path: string, asked?: Asked]): Promise<Made>;
}

/** What the making of a webhook answered, in the words of whichever contract. */
export interface Made {
  id: string;
  secret: string;
}

export function createRecorder({ client }: Installation): Recorder {
  const sources: Source[] = [];
  function keep(name: string, answer: Answer, mayHold: string[]): Answer {
    const head = [...answer.headers].map((pair) => pair.join(": ")).join("\n");
    sources.push({ name: `the answer to ${name}`, text: `${head}\n\n${answer.text}`, mayHold });
    return answer;
  }
  return {
    sources,
    async ask(method, path, { mayHold = [], ...asked } = {}) {
      return keep(`${method} ${path}`, await client.ask(method, path, asked), mayHold);
    },
    async askAs(authorization, method, path) {
      const answer = await client.as(null).ask(method, path, { headers: { authorization } });
      return keep(`${method} ${path} as nobody`, answer, []);
    },
    async askForSecret(name, planted, method, path, asked) {
      const answer = await client.ask(method, path, asked);
      const [, secret] = /"(?:secret|signingSecret)":"([^"]+)"/.exec(answer.text) ?? [];
      const [, id = ""] = /"id":"([^"]+)"/.exec(answer.text) ?? [];
      if (secret === undefined) throw new Error(`${method} ${path} answered no secret but ${answer.text}`);
      planted.add(name, secret);
      keep(`${method} ${path}`, answer, [secret]);
      return { id, secret };
    },
  };
}

import { fork } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { inheritedEnv } from "./config.js";
import type { Order, RequestRecord } from "./request-record.js";

const SCRIPT = fileURLToPath(new URL("./receivers-main.js", import.meta.url));
const FINISH_MS_MAX = 10_000;

/** The receivers in a process of their own, and their log. */
export interface ReceiversProcess {
  url: string;
  order(order: Exclude<Order, { kind: "finish" }>): void;
  /** Ends it; its log is complete then. */
  finish(): Promise<void>;
  /** Every request, once it is finished. */
  requests(): Promise<RequestRecord[]>;
}

export async function startReceiversProcess(options: { seed: number; logFile: string }): Promise<ReceiversProcess> {
  const child = fork(SCRIPT, [String(options.seed), options.logFile], { env: inheritedEnv(), detached: true });
  const ended = once(child, "exit");
  const port = await Promise.race([
    once(child, "message").then(([message]) => String(message)),
    ended.then(() => Promise.reject(new Error("the receivers' process ended at its start"))),
  ]);
  const order = (text: Order): void => void (child.connected && child.send(text));
  return {
    url: `http://127.0.0.1:${port}`,
    order,
    async finish() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      order({ kind: "finish" });
      const timer = setTimeout(() => child.kill("SIGKILL"), FINISH_MS_MAX);
      await ended;
      clearTimeout(timer);
    },
    async requests() {
      const records: RequestRecord[] = [];
      // Taken at its word: the lines are this program's own.
      for await (const line of createInterface({ input: createReadStream(options.logFile) }))
        records.push(JSON.parse(line));
      return records;
    },
  };
}

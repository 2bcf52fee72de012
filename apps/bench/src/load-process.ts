import { fileURLToPath } from "node:url";
import { waitFor } from "@homing/local/wait-for";
import { startChild } from "./child.js";
import type { Load, StreamResult } from "./load.js";

const LATE_MS_MAX = 60_000;

export type LoadOrder = { kind: "start"; load: Load } | { kind: "stop"; phase: string };
export interface LoadMessage {
  phase: string;
  streams: StreamResult[];
}

/** A load that is under way. */
export interface RunningLoad {
  /** Ends it before its time. */
  stop(): void;
  /** @throws when it does not end in time */
  ended: Promise<StreamResult[]>;
}

/** The load generator, in a process of its own. */
export interface LoadProcess {
  start(load: Load): RunningLoad;
  stop(): Promise<void>;
}

export function startLoadProcess(): LoadProcess {
  const results = new Map<string, StreamResult[]>();
  const child = startChild<LoadOrder>(fileURLToPath(new URL("./load-main.js", import.meta.url)));
  child.process.on("message", ({ phase, streams }: LoadMessage) => results.set(phase, streams));
  return {
    start(load) {
      child.order({ kind: "start", load });
      const ended = waitFor(() => results.get(load.phase), {
        what: `the load "${load.phase}" to end`,
        timeoutMs: load.durationMs + LATE_MS_MAX,
      });
      return { ended, stop: () => child.order({ kind: "stop", phase: load.phase }) };
    },
    stop: () => child.stop(),
  };
}

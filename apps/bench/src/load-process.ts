import { fileURLToPath } from "node:url";
import { waitFor } from "@homing/local/wait-for";
import { startChild } from "./child.js";
import type { Hammer, HammerResult } from "./hammer.js";
import type { Load, StreamResult } from "./load.js";

const LATE_MS_MAX = 60_000;

export type LoadOrder =
  | { kind: "start"; load: Load }
  | { kind: "stop"; phase: string }
  | { kind: "hammer"; name: string; hammer: Hammer };
export type LoadMessage =
  | { kind: "loaded"; phase: string; streams: StreamResult[] }
  | { kind: "hammered"; name: string; result: HammerResult };

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
  /** As many requests as the other side takes. @param name unlike that of any other */
  hammer(name: string, hammer: Hammer): Promise<HammerResult>;
  stop(): Promise<void>;
}

export function startLoadProcess(): LoadProcess {
  const results = new Map<string, StreamResult[]>();
  const hammered = new Map<string, HammerResult>();
  const child = startChild<LoadOrder>(fileURLToPath(new URL("./load-main.js", import.meta.url)));
  child.process.on("message", (message: LoadMessage) => {
    if (message.kind === "loaded") results.set(message.phase, message.streams);
    else hammered.set(message.name, message.result);
  });
  return {
    start(load) {
      child.order({ kind: "start", load });
      const ended = waitFor(() => results.get(load.phase), {
        what: `the load "${load.phase}" to end`,
        timeoutMs: load.durationMs + LATE_MS_MAX,
      });
      return { ended, stop: () => child.order({ kind: "stop", phase: load.phase }) };
    },
    hammer(name, settings) {
      child.order({ kind: "hammer", name, hammer: settings });
      const timeoutMs = settings.durationMs + LATE_MS_MAX;
      return waitFor(() => hammered.get(name), { what: `the requests of "${name}" to end`, timeoutMs });
    },
    stop: () => child.stop(),
  };
}

import type { Logger } from "@homing/runtime/logger";

export interface Loop {
  /** Lets the round under way finish and starts no other. */
  stop(): Promise<void>;
}

/**
 * Runs `round` again and again, one at a time, with a pause between. A round that throws is logged and does not end the loop.
 * @param options.pauseMs from the end of a round to the start of the next
 */
export function startLoop(options: {
  name: string;
  pauseMs: number;
  log: Logger;
  round: (signal: AbortSignal) => Promise<void>;
}): Loop {
  const { name, pauseMs, log, round } = options;
  const stopping = new AbortController();

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await round(stopping.signal);
      } catch (error) {
        log.warn({ err: error, loop: name }, "loop.round_failed");
      }
      await pause(pauseMs, stopping.signal);
    }
  }

  const ended = run();
  return {
    stop() {
      stopping.abort();
      return ended;
    },
  };
}

function pause(pauseMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, pauseMs);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

import type { Context } from "@homing/core/context";
import { publishNotices } from "@homing/core/notices/publish-notices";
import { type Loop, startLoop } from "./loop.js";

const PAUSE_MS = 1_000;
const PUBLISHED_AT_ONCE_MAX = 100;

/** Publishes what Homing itself has to tell. Every worker does it; each notice is published once. */
export function startNotices(context: Pick<Context, "db" | "enqueue" | "log">): Loop {
  return startLoop({
    name: "notices",
    pauseMs: PAUSE_MS,
    log: context.log,
    async round(signal) {
      let published = PUBLISHED_AT_ONCE_MAX;
      while (published === PUBLISHED_AT_ONCE_MAX && !signal.aborted) {
        published = await publishNotices(context, { limit: PUBLISHED_AT_ONCE_MAX });
        if (published > 0) context.log.info({ notices: published }, "notices.published");
      }
    },
  });
}

import type { ApiContext } from "../../api-context.js";
import type { Surface } from "../../surface.js";
import { countRoutes } from "./counts.js";
import { documentProblem, encodeProblem } from "./errors.js";
import { eventRoutes } from "./events.js";
import { spellRateUse } from "./rate-use.js";
import { retryEventsRoute } from "./retry.js";
import { testWebhookRoute } from "./test-webhook.js";
import { webhookActionRoutes } from "./webhook-actions.js";
import { webhookRoutes } from "./webhooks.js";

const ROOT = "/v0";

/** The webhooks of TheirStack: everything under `/v0`. */
export function createTheirstackSurface(context: ApiContext): Surface {
  return {
    name: "theirstack",
    owns: (path) => path === ROOT || path.startsWith(`${ROOT}/`),
    routes: [
      retryEventsRoute(context),
      ...webhookRoutes(context),
      ...webhookActionRoutes(context),
      testWebhookRoute(context),
      ...eventRoutes(context),
      ...countRoutes(context),
    ],
    encodeProblem,
    documentProblem,
    spellRateUse,
  };
}

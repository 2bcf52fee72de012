import type { ApiContext } from "../../api-context.js";
import type { Surface } from "../../surface.js";
import { deliveryRoutes } from "./deliveries.js";
import { documentProblem, encodeProblem } from "./problems.js";
import { spellRateUse } from "./rate-use.js";
import { retryRoute } from "./retry.js";

const ROOT = "/v1/webhook_deliveries";

/** The deliveries of Kallima Bio's API, at its paths and in its words: docs/contracts/kallima.md. */
export function createKallimaSurface(context: ApiContext): Surface {
  return {
    name: "kallima",
    owns: (path) => path === ROOT || path.startsWith(`${ROOT}/`),
    routes: [...deliveryRoutes(context), retryRoute(context)],
    encodeProblem,
    documentProblem,
    spellRateUse,
  };
}

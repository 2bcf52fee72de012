import type { ApiContext } from "../../api-context.js";
import type { Surface } from "../../surface.js";
import { documentProblem, encodeProblem } from "./errors.js";
import { eventRoutes } from "./event-routes.js";
import { logRoutes } from "./log-routes.js";
import { retryRoute } from "./retry-route.js";

const PATHS = /^\/v1\/webhooks\/(?:events(?:\/|$)|[^/]+\/logs\/?$)/;

/** The API of Baanx, beside the native webhooks: `/v1/webhooks/events` and what is below, and each webhook's logs. */
export function createBaanxSurface(context: ApiContext): Surface {
  return {
    name: "baanx",
    owns: (path) => PATHS.test(path),
    routes: [...eventRoutes(context), ...logRoutes(context), retryRoute(context)],
    encodeProblem,
    documentProblem,
  };
}

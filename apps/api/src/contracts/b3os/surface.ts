import type { ApiContext } from "../../api-context.js";
import type { Surface } from "../../surface.js";
import { deliveryActionRoutes } from "./delivery-actions.js";
import { deliveryRoutes } from "./deliveries.js";
import { endpointActionRoutes } from "./endpoint-actions.js";
import { ENDPOINTS, endpointRoutes } from "./endpoints.js";
import { documentProblem, encodeProblem } from "./errors.js";

/** The execution webhooks of B3OS: `/v1/execution-webhooks` and all below it. */
export function createB3osSurface(context: ApiContext): Surface {
  return {
    name: "b3os",
    owns: (path) => path === ENDPOINTS || path.startsWith(`${ENDPOINTS}/`),
    routes: [
      ...deliveryRoutes(context),
      ...deliveryActionRoutes(context),
      ...endpointRoutes(context),
      ...endpointActionRoutes(context),
    ],
    encodeProblem,
    documentProblem,
  };
}

import { createBaanxSurface } from "../../src/contracts/baanx/surface.js";
import type { Surface } from "../../src/surface.js";
import { contextWithoutDatabase } from "../native/native-api.js";

/** The surface as data; its handlers find no database. */
export function surfaceWithoutDatabase(): Surface {
  return createBaanxSurface(contextWithoutDatabase());
}

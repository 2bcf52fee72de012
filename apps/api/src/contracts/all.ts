import type { ApiContext } from "../api-context.js";
import { createKallimaSurface } from "./kallima/surface.js";
import type { Surface } from "../surface.js";
import { createBaanxSurface } from "./baanx/surface.js";
import { createB3osSurface } from "./b3os/surface.js";
import { createTheirstackSurface } from "./theirstack/surface.js";

/** The foreign contracts; a path belongs to the first that owns it. */
export function contractSurfaces(context: ApiContext): Surface[] {
  return [
    createBaanxSurface(context),
    createB3osSurface(context),
    createKallimaSurface(context),
    createTheirstackSurface(context),
  ];
}

import { contractSurfaces } from "../../src/contracts/all.js";
import { createNativeSurface } from "../../src/native-surface.js";
import type { Route } from "../../src/route.js";
import { nativeRoutes } from "../../src/routes/native.js";
import type { Surface } from "../../src/surface.js";
import { contextWithoutDatabase } from "../native/native-api.js";

/** One route of one surface. */
export interface MatrixCell {
  name: string;
  surface: Surface;
  route: Route;
}

/** Every route of every surface that is not for everybody. */
export function matrixCells(): MatrixCell[] {
  return allCells().filter(({ route }) => route.scope !== null);
}

/** Every route of every surface, as data: the handlers would find no database. */
export function allCells(): MatrixCell[] {
  const context = contextWithoutDatabase();
  const surfaces = [...contractSurfaces(context), createNativeSurface(nativeRoutes(context))];
  return surfaces.flatMap((surface) =>
    surface.routes.map((route) => ({ name: `${route.method} ${route.path}`, surface, route })),
  );
}

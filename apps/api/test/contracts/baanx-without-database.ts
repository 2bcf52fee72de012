import { createDatabase } from "@homing/db/client";
import { createBaanxSurface } from "../../src/contracts/baanx/surface.js";
import type { Surface } from "../../src/surface.js";
import { createTestContext } from "../native/native-api.js";

/** The surface as data; its handlers find no database. */
export function surfaceWithoutDatabase(): Surface {
  const db = createDatabase({ url: "postgres://127.0.0.1:1/none", connectionsMax: 1, applicationName: "api-test" });
  return createBaanxSurface(createTestContext(db, async () => undefined));
}

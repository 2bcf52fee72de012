import { record } from "./stand-in.js";

record("migrate");
if (process.env.STAND_IN_MIGRATE === "refuse") {
  process.stderr.write("migrate: the schema is from the future\n");
  process.exitCode = 1;
}

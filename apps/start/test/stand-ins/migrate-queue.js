import { record } from "./stand-in.js";

record("migrate queue");
if (process.env.STAND_IN_MIGRATE_QUEUE === "refuse") {
  process.stderr.write("migrate queue: the queue is full\n");
  process.exitCode = 1;
}

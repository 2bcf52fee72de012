// A service for the tests of the lifecycle: what it does is told by its first argument.
import { runService } from "../dist/lifecycle.js";
import { createLogger } from "../dist/logger.js";
import { StartError } from "../dist/start-error.js";

const [behaviour, grace = "5000"] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${line}\n`);

async function start({ onStop }) {
  // Holds the process open, as a server would.
  const open = setInterval(() => undefined, 1_000);
  onStop("first", () => {
    clearInterval(open);
    say("first stopped");
  });
  onStop("second", async () => {
    if (behaviour === "hang") return new Promise(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    say("second stopped");
  });
  if (behaviour === "broken-stop") {
    onStop("third", () => {
      throw new Error("will not stop");
    });
  }
  if (behaviour === "start-error") throw new StartError("port 3000 is already in use");
  if (behaviour === "fault") throw new Error("a fault of ours");
  say("started");
}

runService({ name: "toy", log: createLogger({ service: "toy", level: "silent" }), graceMs: Number(grace), start });

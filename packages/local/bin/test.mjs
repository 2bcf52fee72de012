// `npm test` and `npm run verify`: builds, then runs every workspace's tests and the checks named as arguments.
// All of them run whatever fails; the tally is the last line in every case.
import { ensureInstalled } from "./ensure-installed.mjs";
import { clearReports, printTally } from "./tally.mjs";
import { turbo } from "./turbo.mjs";

const checks = process.argv.slice(2);

ensureInstalled();
clearReports();
// One task at a time: each workspace's tests start a database of their own, and time-outs need the processor.
const built = await turbo(["run", "build"]);
const ran =
  built === 0 ? await turbo(["run", ...checks, "test", "--continue", "--concurrency=1", "--log-prefix=none"]) : built;
const passed = printTally();
process.exitCode = ran !== 0 ? ran : Number(!passed);

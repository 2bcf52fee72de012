import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

// Long enough for the global teardown, which runs after the reporters, to stop a database.
const EXIT_LIMIT_MS = 30_000;
const reports = fileURLToPath(new URL("../../../node_modules/.cache/homing-tests/", import.meta.url));

/**
 * Jest reporter: writes the workspace's `{ passed, failed, skipped }` where bin/tally.mjs sums them. A run that does not
 * end after its tests, because one of them left something open, counts as a failure and is ended.
 */
export default class TallyReporter {
  #workspace;

  constructor({ rootDir }) {
    const { name } = JSON.parse(readFileSync(path.join(rootDir, "package.json"), "utf8"));
    this.#workspace = name.replace("@homing/", "");
  }

  onRunComplete(_contexts, results) {
    const tally = {
      passed: results.numPassedTests,
      // A file that does not load has no tests to count, and must not pass for that.
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    this.#report(tally);
    setTimeout(() => {
      console.error(`${this.#workspace}: the tests left something open, the run does not end by itself.`);
      this.#report({ ...tally, failed: tally.failed + 1 });
      process.exit(1);
    }, EXIT_LIMIT_MS).unref();
  }

  #report(tally) {
    mkdirSync(reports, { recursive: true });
    writeFileSync(path.join(reports, `${this.#workspace}.json`), `${JSON.stringify(tally)}\n`);
  }
}

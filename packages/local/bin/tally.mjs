// The closing line of `npm test`: what each workspace's tests reported (jest/tally-reporter.js), summed.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { root } from "./ensure-installed.mjs";

const reports = `${root}node_modules/.cache/homing-tests/`;
const counts = ["passed", "failed", "skipped"];

/** Forgets the last run's reports, so that a workspace that does not report is noticed. */
export function clearReports() {
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
}

/**
 * Prints `N passed, N failed, N skipped` as the last line and returns whether every test passed. A workspace that has
 * tests and did not report counts as one failure, named above the line.
 */
export function printTally() {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const name of workspacesWithTests()) {
    const report = readReport(name);
    for (const count of counts) sum[count] += report[count];
  }
  console.log(counts.map((count) => `${sum[count]} ${count}`).join(", "));
  return sum.failed === 0;
}

function workspacesWithTests() {
  return ["apps", "packages"]
    .flatMap((folder) => readdirSync(root + folder).map((name) => `${root}${folder}/${name}/package.json`))
    .filter((manifest) => existsSync(manifest))
    .map((manifest) => JSON.parse(readFileSync(manifest, "utf8")))
    .filter(({ scripts }) => scripts?.test !== undefined)
    .map(({ name }) => name.replace("@homing/", ""));
}

function readReport(name) {
  const report = `${reports}${name}.json`;
  if (existsSync(report)) return JSON.parse(readFileSync(report, "utf8"));
  console.error(`The tests of ${name} did not report: they did not start or were cut short.`);
  return { passed: 0, failed: 1, skipped: 0 };
}

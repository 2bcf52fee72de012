// `npm run audit:dependencies`: fails when the registry knows a high or critical advisory against a package that runs in production.
// A registry that cannot be asked (a mirror without advisories, no network) is one line and no failure.
import { spawnSync } from "node:child_process";
import { root } from "./ensure-installed.mjs";

const FAILING = ["high", "critical"];
const PATIENCE_MS = 60_000;

const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json", ...process.argv.slice(2)], {
  cwd: root,
  encoding: "utf8",
  maxBuffer: 64 * 1024 * 1024,
  timeout: PATIENCE_MS,
});
const report = parse(stdout);
if (report?.metadata?.vulnerabilities === undefined) {
  const reason = report?.message ?? "it did not answer";
  console.log(`npm audit: the registry could not be asked (${reason}); nothing was checked`);
} else {
  const found = Object.values(report.vulnerabilities);
  for (const { name, severity, via } of found) {
    const titles = via.map((cause) => (typeof cause === "string" ? `by ${cause}` : `${cause.title} ${cause.url}`));
    console.error(`${severity}: ${name}: ${titles.join("; ")}`);
  }
  console.log(`npm audit: ${found.length} packages with advisories`);
  process.exitCode = Number(found.some(({ severity }) => FAILING.includes(severity)));
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// `npm run licences`: fails when a package that runs in production has a licence that is not listed here, or none.
// npm itself reads the lockfile (its bill of materials), spdx-satisfies the expressions.
import { spawnSync } from "node:child_process";
import satisfies from "spdx-satisfies";
import { root } from "./ensure-installed.mjs";

const WORKSPACES = ["@homing/api", "@homing/worker", "@homing/db"];
/** All permissive: they ask for a notice at most. */
const ALLOWED = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "Unlicense",
];
/** The lockfile says nothing of binaries of other platforms; their parents, by these names, have the licence. */
const SAME_AS_PARENT = new Map([[/^@msgpackr-extract\//, "msgpackr-extract"]]);

const sbom = spawnSync(
  "npm",
  [
    "sbom",
    "--omit=dev",
    "--package-lock-only",
    "--sbom-format=cyclonedx",
    ...WORKSPACES.flatMap((name) => ["-w", name]),
  ],
  { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
);
if (sbom.status !== 0) {
  console.error(`Licences could not be read: ${sbom.stderr.trim()}`);
  process.exit(1);
}

const packages = JSON.parse(sbom.stdout).components.filter(({ purl }) => !isOurs(purl));
const licences = new Map(packages.map(({ name, licenses = [] }) => [name, licenses.map(expressionOf).join(" AND ")]));
const refused = packages.filter(({ name }) => !isAllowed(licenceOf(name)));
for (const { name, version } of refused) {
  console.error(`${name}@${version}: ${licenceOf(name) || "no licence"} is not among ${ALLOWED.join(", ")}`);
}
if (refused.length === 0) console.log(`Licences: ${packages.length} production packages, all of them permissive`);
process.exitCode = Math.min(refused.length, 1);

function isOurs(purl) {
  return purl.includes("/%40homing/") || !purl.startsWith("pkg:npm/");
}

function expressionOf({ license, expression }) {
  return `(${expression ?? license?.id ?? license?.name ?? ""})`;
}

function licenceOf(name) {
  const parent = [...SAME_AS_PARENT].find(([names]) => names.test(name))?.[1];
  return licences.get(name) || (parent && licences.get(parent)) || "";
}

function isAllowed(expression) {
  try {
    return satisfies(expression, ALLOWED);
  } catch {
    // No SPDX expression: a file's name, "UNLICENSED", or nothing.
    return false;
  }
}

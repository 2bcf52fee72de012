// Installs the dependencies when a fresh clone or a changed lockfile needs it. Imports nothing but Node.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The repository's root, absolute, with a trailing slash. */
export const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Runs `npm ci` unless node_modules holds what package-lock.json asks for; ends the process when that fails. */
export function ensureInstalled() {
  if (isInstalled()) return;
  console.log("Installing dependencies (npm ci) …");
  const { status } = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: root, stdio: "inherit" });
  if (status === 0) return;
  console.error("Dependencies could not be installed: see npm's message above.");
  process.exit(status ?? 1);
}

function isInstalled() {
  const wanted = `${root}package-lock.json`;
  const installed = `${root}node_modules/.package-lock.json`;
  if (!existsSync(installed)) return false;
  if (statSync(wanted).mtimeMs <= statSync(installed).mtimeMs) return true;
  return holds(packagesIn(installed), packagesIn(wanted));
}

// A checkout touches the lockfile without changing it, so a newer time alone is no reason to install again.
function holds(installed, wanted) {
  return Object.entries(wanted)
    .filter(([path]) => path.includes("node_modules/"))
    .every(([path, { version, optional }]) =>
      installed[path] === undefined ? optional === true : installed[path].version === version,
    );
}

function packagesIn(lockfile) {
  return JSON.parse(readFileSync(lockfile, "utf8")).packages;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureInstalled();

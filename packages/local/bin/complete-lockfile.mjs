// Run after `npm install` when the registry in use does not serve every platform's binaries.
//
// npm leaves an optional package that it could not fetch out of package-lock.json, and `npm ci` then refuses the whole
// lockfile on every machine. The missing entries are known without fetching: the parent pins the version, the name
// tells the platform. They carry no integrity hash until a machine of that platform installs them.
import { readFileSync, writeFileSync } from "node:fs";

const OPERATING_SYSTEMS = {
  aix: "aix",
  android: "android",
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  openharmony: "openharmony",
  win32: "win32",
  windows: "win32",
};
const PROCESSORS = {
  64: "x64",
  arm: "arm",
  arm64: "arm64",
  ia32: "ia32",
  loong64: "loong64",
  ppc64: "ppc64",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "x64",
};
const C_LIBRARIES = { gnu: "glibc", gnueabihf: "glibc", musl: "musl", musleabihf: "musl" };

const lockfile = new URL("../../../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(lockfile, "utf8"));
const missing = Object.entries(lock.packages).flatMap(([parentPath, parent]) =>
  Object.entries(parent.optionalDependencies ?? {})
    .filter(([name]) => !isLocked(parentPath, name))
    .map(([name, version]) => [`node_modules/${name}`, entryOf(name, version, parent)]),
);

lock.packages = Object.fromEntries(
  [...Object.entries(lock.packages), ...missing].toSorted(([a], [b]) => a.localeCompare(b, "en")),
);
if (missing.length > 0) writeFileSync(lockfile, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${missing.length} platform packages added`);

function isLocked(parentPath, name) {
  return `${parentPath}/node_modules/${name}` in lock.packages || `node_modules/${name}` in lock.packages;
}

function entryOf(name, version, parent) {
  const words = name.split(/[/-]/);
  const find = (table) => words.map((word) => table[word]).find((value) => value !== undefined);
  const os = find(OPERATING_SYSTEMS);
  const cpu = find(PROCESSORS);
  if (os === undefined || cpu === undefined || !/^\d+\.\d+\.\d+/.test(version)) {
    throw new Error(`package-lock.json lacks ${name}@${version}, which is not the binary of one platform`);
  }
  const libc = os === "linux" ? find(C_LIBRARIES) : undefined;
  return {
    version,
    cpu: [cpu],
    ...(parent.dev === true && { dev: true }),
    ...(libc !== undefined && { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

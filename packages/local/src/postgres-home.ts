import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chown, mkdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  type PostgresBinaries,
  copyNativeDirectory,
  findNativeDirectory,
  prepareBinaries,
} from "./postgres-binaries.js";

const SYSTEM_USERS = ["postgres", "nobody"];
const FALLBACK_PARENT = "/var/lib";
const HASH_LENGTH = 12;

export interface Identity {
  uid: number;
  gid: number;
}

export interface PostgresHome {
  /** Where everything of this Postgres lies; not the one asked for when its user could not have reached that. */
  directory: string;
  /** The user to run as; undefined: whoever we are. Postgres refuses to run as root. */
  identity: Identity | undefined;
  binaries: PostgresBinaries;
}

/**
 * Makes a place where Postgres can run, whoever we are: as root it needs another user, who must reach both data and programs.
 * @param log told, in one line, when the data is kept elsewhere
 */
export async function preparePostgresHome(wanted: string, log: (line: string) => void): Promise<PostgresHome> {
  const identity = process.getuid?.() === 0 ? ((await ownerOf(join(wanted, "data"))) ?? findIdentity()) : undefined;
  const directory = await makeDirectory(resolve(wanted), identity, log);
  return { directory, identity, binaries: await reachableBinaries(directory, identity) };
}

// Data that an ordinary user made stays that user's when root starts it.
async function ownerOf(path: string): Promise<Identity | null> {
  try {
    const { uid, gid } = await stat(path);
    return uid === 0 ? null : { uid, gid };
  } catch {
    return null;
  }
}

function findIdentity(): Identity {
  for (const name of SYSTEM_USERS) {
    try {
      return { uid: askId("-u", name), gid: askId("-g", name) };
    } catch {
      continue;
    }
  }
  throw new Error(`Postgres does not run as root, and there is none of the users ${SYSTEM_USERS.join(", ")}`);
}

function askId(option: string, name: string): number {
  return Number(execFileSync("id", [option, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}

async function makeDirectory(
  wanted: string,
  identity: Identity | undefined,
  log: (line: string) => void,
): Promise<string> {
  await mkdir(dirname(wanted), { recursive: true });
  const directory = isReachable(dirname(wanted), identity) ? wanted : fallback(wanted);
  if (directory !== wanted)
    log(`Postgres cannot run as root, and its user cannot reach ${wanted}: data is kept in ${directory}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (identity) await chown(directory, identity.uid, identity.gid);
  return directory;
}

// The same every time, for the data stays across restarts.
function fallback(wanted: string): string {
  const hash = createHash("sha256").update(wanted).digest("hex").slice(0, HASH_LENGTH);
  return join(FALLBACK_PARENT, `homing-${hash}`);
}

async function reachableBinaries(directory: string, identity: Identity | undefined): Promise<PostgresBinaries> {
  const native = findNativeDirectory();
  if (isReachable(join(native, "bin"), identity)) return prepareBinaries(native);
  const copy = join(directory, `${basename(native)}-copy`);
  await copyNativeDirectory(native, copy);
  return prepareBinaries(copy);
}

// Asked of the system as that user, for access lists and mounts count too.
function isReachable(directory: string, identity: Identity | undefined): boolean {
  if (!identity) return true;
  const { status } = spawnSync("/bin/sh", ["-c", 'test -x "$1"', "sh", directory], { ...identity, cwd: "/" });
  return status === 0;
}

import { type KeyRotation, rotateKeys } from "@homing/core/sealing/rotate-keys";
import { createDatabase } from "@homing/db/client";
import { reachDatabase } from "@homing/db/reach";
import { asStartError } from "@homing/runtime/start-error";
import { createSealer, parseEncryptionKeys } from "@homing/signature/sealing";
import { readSealedConfig } from "./config.js";

const CONNECTIONS_MAX = 1;
const QUERY_MS_MAX = 10 * 60 * 1000;
const ALL_UNDER_FIRST = 0;
const SOME_LEFT = 1;
const NOT_DONE = 2;

async function rotate(): Promise<number> {
  const { databaseUrl: url, encryptionKeys } = readSealedConfig();
  const sealer = await asStartError("HOMING_ENCRYPTION_KEYS", () => createSealer(parseEncryptionKeys(encryptionKeys)));
  const db = createDatabase({
    url,
    connectionsMax: CONNECTIONS_MAX,
    applicationName: "homing-keys",
    statementMsMax: QUERY_MS_MAX,
  });
  try {
    const reached = await reachDatabase(db, url);
    if (!reached.ok) throw new Error(reached.reason);
    const rotation = await rotateKeys({ db, sealer }, ({ column, reencrypted, total }) =>
      process.stdout.write(`${column} ${reencrypted} of ${total}\n`),
    );
    process.stdout.write(describe(rotation));
    return rotation.left === 0 ? ALL_UNDER_FIRST : SOME_LEFT;
  } finally {
    await db.$disconnect();
  }
}

function describe({ reencrypted, unopened, textsByKeyId, left }: KeyRotation): string {
  const lines = [
    `${reencrypted} re-encrypted`,
    ...Object.entries(textsByKeyId).map(([keyId, texts]) => `under key ${keyId}: ${texts}`),
    ...unopened.places.map((place) => `cannot be opened: ${place}`),
  ];
  if (unopened.count > unopened.places.length) lines.push(`cannot be opened: ${unopened.count} in all`);
  if (left > unopened.count) {
    lines.push(`${left - unopened.count} were held, or written with another key first: run this again`);
  }
  return `${lines.join("\n")}\n`;
}

try {
  process.exitCode = await rotate();
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  process.stderr.write(`keys: ${reason.trim().replaceAll(/\s+/g, " ")}\n`);
  process.exitCode = NOT_DONE;
}

import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { StartError } from "@homing/runtime/start-error";
import Joi from "joi";

const OWNER_ONLY = 0o600;
const KEY_BYTES = 32;
const PASSWORD_BYTES = 18;

/** Named as the variables that they stand in for. */
export interface Settings {
  HOMING_API_KEY: string;
  HOMING_OPERATOR_KEY: string;
  HOMING_ENCRYPTION_KEYS: string;
  OPS_USERNAME: string;
  OPS_PASSWORD: string;
}

/**
 * This checkout's development settings: made the first time, the same ever after, readable by their owner only.
 * @throws StartError when the file is there and is not what we wrote
 */
export async function keepSettings(file: string): Promise<Settings> {
  const kept = await readSettings(file);
  const settings = { ...makeSettings(), ...kept };
  if (Object.keys(kept).length < Object.keys(settings).length) await writeSettings(file, settings);
  return settings;
}

function makeSettings(): Settings {
  return {
    HOMING_API_KEY: `hom_${randomBytes(KEY_BYTES).toString("base64url")}`,
    HOMING_OPERATOR_KEY: `operator_${randomBytes(KEY_BYTES).toString("base64url")}`,
    HOMING_ENCRYPTION_KEYS: `dev:${randomBytes(KEY_BYTES).toString("base64")}`,
    OPS_USERNAME: "ops",
    OPS_PASSWORD: randomBytes(PASSWORD_BYTES).toString("base64url"),
  };
}

async function readSettings(file: string): Promise<Partial<Settings>> {
  const text = await readIfThere(file);
  if (text === null) return {};
  const schema = Joi.object<Partial<Settings>>({
    HOMING_API_KEY: Joi.string(),
    HOMING_OPERATOR_KEY: Joi.string(),
    HOMING_ENCRYPTION_KEYS: Joi.string(),
    OPS_USERNAME: Joi.string(),
    OPS_PASSWORD: Joi.string(),
  });
  const { error, value } = schema.validate(parse(text));
  // New keys would make the secrets in the database unreadable: that is for the reader to decide.
  if (error) throw new StartError(`${file} is not the settings file that was written there; mend or move it away`);
  return value;
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw new StartError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Moved into place whole, for a crash in between must not cost the encryption key.
async function writeSettings(file: string, settings: Settings): Promise<void> {
  const unfinished = `${file}.new`;
  await writeFile(unfinished, `${JSON.stringify(settings, null, 2)}\n`, { mode: OWNER_ONLY, flush: true });
  await rename(unfinished, file);
}

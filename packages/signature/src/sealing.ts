import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const VERSION = "v1";
const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;

export interface EncryptionKey {
  /** 1 to 32 letters, digits, `_` or `-`; stored with what it sealed. */
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

export interface Sealer {
  /** How every text starts that was sealed with the key that seals now: `v1.<key id>.` */
  prefix: string;
  /**
   * `v1.<key id>.<base64url of nonce, ciphertext and tag>`.
   * @param context where the text is kept (row id and column); only the same context opens it.
   */
  seal(text: string, context: string): string;
  /** @throws SealError when the key is unknown, the context is another or the text was changed. */
  open(sealed: string, context: string): string;
}

/** A sealed text cannot be opened, or a key cannot be used. The message never holds a key or a text. */
export class SealError extends Error {
  override name = "SealError";
}

/**
 * AES-256-GCM for secrets at rest: the first key seals, any opens, so that a new key goes in front and the old one stays until all is sealed anew.
 * Nonces are random (NIST SP 800-38D §8.2.2): rotate a key before it has sealed 2^32 texts.
 * @throws SealError when there is no key, one is not 32 bytes, or an id is malformed or repeated.
 */
export function createSealer(keys: readonly EncryptionKey[]): Sealer {
  const [first] = keys;
  if (first === undefined) throw new SealError("no encryption key");
  const keyById = indexKeys(keys);
  const prefix = `${VERSION}.${first.id}.`;
  return {
    prefix,
    seal: (text, context) => prefix + encrypt(text, context, first.key).toString("base64url"),
    open(sealed, context) {
      const [version, keyId = "", encoded = "", ...rest] = sealed.split(".");
      const bytes = Buffer.from(encoded, "base64url");
      const isCanonical = version === VERSION && rest.length === 0 && bytes.toString("base64url") === encoded;
      if (!isCanonical || bytes.length < NONCE_BYTES + TAG_BYTES) throw new SealError("not a sealed text");
      const key = keyById.get(keyId);
      if (key === undefined) {
        // An id that does not look like one may be anything, a secret included.
        throw new SealError(`sealed with an unknown key${KEY_ID.test(keyId) ? ` "${keyId}"` : ""}`);
      }
      return decrypt(bytes, context, key);
    },
  };
}

/**
 * Keys from their text form `id:base64,id2:base64`, in that order.
 * @throws SealError naming the entry by position and, when it is well formed, its id.
 */
export function parseEncryptionKeys(text: string): EncryptionKey[] {
  const keys = text.split(",").map((entry, index) => {
    const position = `encryption key ${index + 1}`;
    const [id = "", encoded, ...rest] = entry.trim().split(":");
    if (encoded === undefined || rest.length > 0 || !KEY_ID.test(id)) {
      throw new SealError(`${position} is not id:base64 with an id of 1 to 32 letters, digits, "_" or "-"`);
    }
    const key = Buffer.from(encoded, "base64");
    if (key.toString("base64") !== encoded) throw new SealError(`${position} ("${id}") is not base64`);
    return { id, key };
  });
  indexKeys(keys);
  return keys;
}

function indexKeys(keys: readonly EncryptionKey[]): Map<string, Buffer> {
  const keyById = new Map<string, Buffer>();
  for (const [index, { id, key }] of keys.entries()) {
    if (!KEY_ID.test(id)) throw new SealError(`encryption key ${index + 1} has a malformed id`);
    if (keyById.has(id)) throw new SealError(`encryption key "${id}" is there twice`);
    if (key.length !== KEY_BYTES)
      throw new SealError(`encryption key "${id}" has ${key.length} bytes, not ${KEY_BYTES}`);
    keyById.set(id, key);
  }
  return keyById;
}

function encrypt(text: string, context: string, key: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(bytes: Buffer, context: string, key: Buffer): string {
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(context))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString("utf8");
  } catch {
    throw new SealError("the sealed text was changed, or belongs to another context or key");
  }
}

import { ulidToUUID, uuidToULID } from "ulidx";

const PUBLIC_SPELLING = /^evt_([0-7][0-9A-HJKMNP-TV-Z]{25})$/i;
const UUID_SPELLING = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The public spelling of an event's id: `evt_` and the ULID of the same 128 bits. */
export function formatEventId(uuid: string): string {
  return `evt_${uuidToULID(uuid)}`;
}

/** The UUID behind either spelling of an event's id, or null when the text is neither. */
export function parseEventId(text: string): string | null {
  if (UUID_SPELLING.test(text)) return text.toLowerCase();
  const ulid = PUBLIC_SPELLING.exec(text)?.[1];
  return ulid === undefined ? null : ulidToUUID(ulid.toUpperCase()).toLowerCase();
}

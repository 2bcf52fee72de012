export const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

/** The start of the partition week that holds a time: weeks are counted from the Unix epoch, all in milliseconds. */
export function weekStart(timeMs: number): number {
  return Math.floor(timeMs / WEEK_MS) * WEEK_MS;
}

/** When a UUIDv7 was made, to the millisecond. In the database: `homing_uuid_time`. */
export function uuidTime(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}

/** The smallest UUIDv7 of a millisecond: the bound between ids made before it and ids made from it on. */
export function uuidFloor(timeMs: number): string {
  const hex = Math.max(0, Math.floor(timeMs)).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-0000-0000-000000000000`;
}

import { isIP } from "node:net";
import type { Request } from "express";

/** An IPv4 address that came over an IPv6 socket. */
const MAPPED = /^::ffff:(?=\d+\.)/;

/**
 * The client's address, as far as the proxies before us are trusted (`TRUSTED_PROXIES`): what they say is believed, what is said before them
 * is not. null: the connection is gone.
 */
export function clientAddress(req: Request): string | null {
  const address = [req.ip, req.socket.remoteAddress].map((text) => text?.replace(MAPPED, "") ?? "");
  return address.find((text) => isIP(text) !== 0) ?? null;
}

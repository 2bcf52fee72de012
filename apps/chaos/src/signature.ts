import type { IncomingHttpHeaders } from "node:http";
import { Webhook } from "standardwebhooks";

/** Whether the secret made one of the Standard Webhooks signatures, whatever the sender's clock says: a worker's may be wrong here. */
export function isSignedBy(secret: string, headers: IncomingHttpHeaders, body: Buffer): boolean {
  const [id, seconds, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
    String(headers[name] ?? ""),
  );
  if (!id || !seconds || !signatures) return false;
  const signature = new Webhook(secret).sign(id, new Date(Number(seconds) * 1000), body);
  return signatures.split(" ").includes(signature);
}

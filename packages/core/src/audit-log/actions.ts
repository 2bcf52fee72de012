/** Everything that leaves an entry in the audit log. The word before the dot is what was acted on. */
export const AUDIT_ACTIONS = [
  "webhook.created",
  "webhook.updated",
  "webhook.enabled",
  "webhook.disabled",
  "webhook.archived",
  "webhook.secret_rotated",
  "webhook.secret_revealed",
  "webhook.tested",
  "delivery.retried",
  "delivery.cancelled",
  "delivery.replayed",
  "organization.created",
  "key.created",
  "key.revoked",
  "portal_token.created",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** The kind of row that an action is done to. */
export function targetTypeOf(action: AuditAction): string {
  return action.slice(0, action.indexOf("."));
}

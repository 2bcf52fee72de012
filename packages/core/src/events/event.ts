/** What a producer published, once. */
export interface Event {
  /** UUIDv7. */
  id: string;
  type: string;
  /** The JSON text as it came, byte for byte. */
  payload: string;
  attributes: Record<string, string>;
  occurredAt: Date;
  /** How many webhooks it was for when it was published. */
  matchedWebhooks: number;
  createdAt: Date;
}

export interface EventInput {
  type: string;
  payload: string;
  occurredAt?: Date;
  attributes?: Record<string, string>;
  /** Only these webhooks, whatever their patterns. */
  webhookIds?: readonly string[];
}

/** The events of one request: published all or none. */
export interface PublishRequest {
  organizationId: string;
  events: readonly EventInput[];
  idempotency?: {
    key: string;
    /** SHA-256 of what was asked, hexadecimal. */
    fingerprint: string;
  };
}

export interface PublishedEvent {
  id: string;
  matchedWebhooks: number;
  createdAt: Date;
}

-- The newest of its signing keys, for everybody to read.
ALTER TABLE "webhooks" ADD COLUMN "public_key" TEXT;

-- ed25519 key pairs of webhooks that asked for `standard_v1a`.
CREATE TABLE "webhook_signing_keys" (
    "id" UUID NOT NULL,
    "webhook_id" UUID NOT NULL,
    "public_key" TEXT NOT NULL,
    "sealed" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_signing_keys_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "webhook_signing_keys_webhook_id_idx" ON "webhook_signing_keys"("webhook_id");

ALTER TABLE "webhook_signing_keys" ADD CONSTRAINT "webhook_signing_keys_webhook_id_fkey" FOREIGN KEY ("webhook_id") REFERENCES "webhooks"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

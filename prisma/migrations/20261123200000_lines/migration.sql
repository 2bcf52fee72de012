-- CreateEnum
CREATE TYPE "webhook_ordering" AS ENUM ('none', 'event');

-- CreateEnum
CREATE TYPE "circuit_state" AS ENUM ('closed', 'open', 'half_open');

-- What protects an endpoint and its neighbours: a cap, a rate, an order, a circuit breaker.
ALTER TABLE "webhooks"
  ADD COLUMN "in_flight_max" INTEGER NOT NULL DEFAULT 10,
  ADD COLUMN "rate_limit_count" INTEGER,
  ADD COLUMN "rate_limit_period_seconds" INTEGER,
  ADD COLUMN "ordering" "webhook_ordering" NOT NULL DEFAULT 'none',
  ADD COLUMN "circuit" "circuit_state" NOT NULL DEFAULT 'closed',
  ADD COLUMN "circuit_changed_at" TIMESTAMPTZ(3),
  ADD COLUMN "failing_since" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "webhook_lines" (
    "webhook_id" UUID NOT NULL,
    "pull_at" TIMESTAMPTZ(3) NOT NULL,
    "pause_ms" INTEGER NOT NULL DEFAULT 0,
    "parked_at" TIMESTAMPTZ(3) NOT NULL,
    "taken_id" UUID,
    "window_started_at" TIMESTAMPTZ(3),
    "window_used" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "webhook_lines_pkey" PRIMARY KEY ("webhook_id")
);

-- CreateIndex
CREATE INDEX "webhook_lines_pull_at_idx" ON "webhook_lines"("pull_at");

-- CreateTable
CREATE TABLE "notices" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "payload" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "notices_pkey" PRIMARY KEY ("id")
);

ALTER TABLE "deliveries"
  -- Times in a row that an attempt of it ended without a record: its worker died, or could not make it.
  ADD COLUMN "faults" INTEGER NOT NULL DEFAULT 0,
  -- Set: it stands in its webhook's line, from which the line's pulls take it; the relay does not look at it.
  ADD COLUMN "parked_at" TIMESTAMPTZ(3);

ALTER TABLE "deliveries"
  DROP CONSTRAINT "deliveries_relay_at_check",
  ADD CONSTRAINT "deliveries_relay_at_check" CHECK (("relay_at" IS NOT NULL) = ("state" IN ('pending', 'in_flight') AND "parked_at" IS NULL)),
  ADD CONSTRAINT "deliveries_parked_at_check" CHECK ("parked_at" IS NULL OR "state" = 'pending');

-- A line in the order of publishing: numbers grow with every insert, on all API processes.
CREATE INDEX "deliveries_line_idx" ON "deliveries"("webhook_id", "number") WHERE "parked_at" IS NOT NULL;

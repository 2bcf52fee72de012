ALTER TABLE "webhooks"
  -- Its last attempts were answered well, and soon: a worker that does not know it yet need not find out beside those that hang.
  ADD COLUMN "is_proven" BOOLEAN NOT NULL DEFAULT false,
  -- How often its circuit has opened.
  ADD COLUMN "circuit_openings" INTEGER NOT NULL DEFAULT 0;

-- Requests of each API key in the second that is being counted, where there is no Redis. Unlogged: after a crash counting starts anew,
-- and a count costs no write-ahead log.
CREATE UNLOGGED TABLE "rate_limits" (
    "key" TEXT NOT NULL,
    "points" INTEGER NOT NULL,
    "expire" BIGINT NOT NULL,

    CONSTRAINT "rate_limits_pkey" PRIMARY KEY ("key")
) WITH (fillfactor = 50);

-- A BRIN index reads every page of a week that has not been summarized yet, and of numbers spread over time all of them.
DROP INDEX "deliveries_number_idx";
CREATE INDEX "deliveries_number_idx" ON "deliveries"("number");

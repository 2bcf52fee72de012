import { DELIVERY_QUEUE } from "./delivery-job.js";

const LOOK_PAUSE_MS = 5_000;

/**
 * On Postgres the workers share one time of their last check for stalled jobs, which each writes by its own clock
 * (`move_stalled_jobs_to_wait` in BullMQ's 0002_functions.sql): after one whose clock is 5 minutes ahead nobody checks for 5 minutes, and
 * hints for the jobs of a worker that died are dropped for as long. This takes a time that lies ahead back to the database's.
 * @returns ends it
 */
export function watchStalledCheck(options: {
  query: (text: string, values: string[]) => Promise<unknown>;
  onError: (error: Error) => void;
}): () => void {
  const look = (): void => {
    options
      .query(
        `UPDATE meta SET value = db.now_ms::text
         FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms) db
         WHERE queue = $1 AND field = 'stalled-check' AND value::bigint > db.now_ms + ${LOOK_PAUSE_MS}`,
        [DELIVERY_QUEUE],
      )
      .catch(options.onError);
  };
  look();
  const timer = setInterval(look, LOOK_PAUSE_MS);
  timer.unref();
  return () => clearInterval(timer);
}

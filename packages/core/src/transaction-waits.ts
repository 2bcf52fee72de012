/** Of transactions that lock rows, in milliseconds. The wait for a connection is the pool's to limit. */
export const TRANSACTION_WAITS = { maxWait: 10_000, timeout: 15_000 };

/** What the command-line tool reads: null stands for unset or empty. */
export function readConnection(): { databaseUrl: string | null; redisUrl: string | null } {
  return { databaseUrl: process.env["DATABASE_URL"] || null, redisUrl: process.env["REDIS_URL"] || null };
}

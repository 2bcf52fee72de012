/** The database the command-line tools work on, or null when DATABASE_URL is unset or empty. */
export function databaseUrl(): string | null {
  return process.env["DATABASE_URL"] || null;
}

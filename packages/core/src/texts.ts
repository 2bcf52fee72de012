/** The texts of a JSON object read from the database, which holds what we wrote: names and texts, or null for none. */
export function textsOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, text]) => (text === null ? [] : [[name, String(text)]])),
  );
}

const SECRET_CHARS_MIN = 12;

/** Something that may be read by those who should not know the secrets. */
export interface Source {
  name: string;
  text: string;
  /** Secrets that it is there to show. */
  mayHold?: readonly string[];
}

/**
 * Finds secrets in texts, in whatever form: in clear, as a part of a JSON string or a URL, in hexadecimal, or in either base64 at any
 * offset, so also within something longer that was encoded whole.
 * @param secrets by name
 * @returns `<name> in <source> as <form>` for each that was found
 */
export function findSecrets(sources: readonly Source[], secrets: ReadonlyMap<string, string>): string[] {
  return [...secrets].flatMap(([name, secret]) =>
    formsOf(secret).flatMap(([form, text]) =>
      sources
        .filter((source) => source.text.includes(text) && source.mayHold?.includes(secret) !== true)
        .map((source) => `${name} in ${source.name} as ${form}`),
    ),
  );
}

function formsOf(secret: string): [form: string, text: string][] {
  if (secret.length < SECRET_CHARS_MIN) throw new Error("a short secret would be found anywhere");
  const bytes = [Buffer.from(secret)];
  // The key inside a signing secret is a secret as well.
  const [, encoded] = /^wh(?:sec|sk)_(.+)$/.exec(secret) ?? [];
  if (encoded !== undefined) bytes.push(Buffer.from(encoded, "base64"));
  const texts: [string, string][] = [
    ["itself", encoded ?? secret],
    ["JSON", JSON.stringify(secret).slice(1, -1)],
    ["a part of a URL", encodeURIComponent(encoded ?? secret)],
    ...bytes.map((content): [string, string] => ["hexadecimal", content.toString("hex")]),
    ...bytes.flatMap((content) => base64Of(content).map((text): [string, string] => ["base64", text])),
  ];
  return [...new Map(texts.map(([form, text]) => [text, form]))].map(([text, form]) => [form, text]);
}

/** What stands of it in the base64 of any text that holds it: by its offset there, without the characters that it shares. */
function base64Of(content: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), content]).toString("base64url");
    const shared = (offset + content.length) % 3 === 0 ? 0 : 1;
    const own = encoded.slice(Math.ceil((offset * 4) / 3), encoded.length - shared);
    return [own, own.replaceAll("-", "+").replaceAll("_", "/")];
  });
}

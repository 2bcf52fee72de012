import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import type Joi from "joi";

export type JsonSchema = Record<string, unknown>;

type Description = Record<string, unknown>;

const VALUES = new Set(["flags", "examples", "metas", "allow", "invalid", "args"]);

/**
 * A Joi schema as JSON Schema 2020-12, for OpenAPI 3.1. Schemas with an `.id()` go to `components` and are referred to.
 * @throws Error when two different schemas have one id
 */
export function toJsonSchema(schema: Joi.Schema, components: Record<string, JsonSchema>): JsonSchema {
  const found: Record<string, JsonSchema> = {};
  const { schemas: _copied, ...converted } = convert({ describe: () => plain(schema.describe()) }, found);
  for (const [id, component] of Object.entries(found)) {
    const mended = mendSchema(component);
    if (components[id] !== undefined && !isDeepStrictEqual(components[id], mended)) {
      throw new Error(`two schemas have the id ${id}`);
    }
    components[id] = mended;
  }
  return mendSchema(converted);
}

/** The library's types name neither its function nor what it takes; it calls `describe` on the first argument, no more. */
function convert(schema: { describe: () => unknown }, components: Record<string, JsonSchema>): JsonSchema {
  const require = createRequire(import.meta.url);
  const parse: (schema: object, mode: string, components: object) => JsonSchema = require("joi-to-json");
  return parse(schema, "open-api-3.1", components);
}

/** A description whose every part says what the converter would otherwise miss. */
function plain(description: object): Description {
  const copy = mapValues(description, (value, key) => {
    if (key === "keys" && isRecord(value)) return mapValues(value, plainValue);
    return VALUES.has(key) ? value : plainValue(value);
  });
  switch (copy["type"]) {
    case "alternatives":
      return plainAlternatives(copy);
    case "object":
      return plainObject(copy);
    case "string":
      return { ...copy, rules: plainStringRules(copy) };
    case "number":
      return { ...copy, rules: plainNumberRules(rulesOf(copy)) };
    default:
      return copy;
  }
}

function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue);
  return typeof value === "object" && value !== null ? plain(value) : value;
}

/** A condition only says whose faults are told: its two outcomes are the alternatives. */
function plainAlternatives(copy: Description): Description {
  const { matches } = copy;
  if (!Array.isArray(matches)) return copy;
  const schemas = matches.flatMap((match: object) =>
    "then" in match && "otherwise" in match ? [{ schema: match.then }, { schema: match.otherwise }] : [match],
  );
  return { ...copy, matches: schemas };
}

/** `Joi.object()` takes any member; patterns over names that are schemas are taken for any name. */
function plainObject(copy: Description): Description {
  const { keys, patterns } = copy;
  if (Array.isArray(patterns)) {
    return {
      ...copy,
      patterns: patterns.map((entry: object) => ("regex" in entry ? entry : { ...entry, regex: "/^/" })),
    };
  }
  return keys === undefined ? { ...copy, flags: { ...flagsOf(copy), unknown: true } } : copy;
}

interface Rule {
  name: string;
  args?: Record<string, unknown>;
}

function plainStringRules(copy: Description): Rule[] {
  const rules = rulesOf(copy).flatMap((rule): Rule[] => {
    if (rule.name === "length")
      return [
        { ...rule, name: "min" },
        { ...rule, name: "max" },
      ];
    if (rule.name === "pattern") return isPortable(rule) ? [rule] : [];
    return [rule];
  });
  const free = rules.some(({ name }) => name === "min") || flagsOf(copy)["only"] === true || takesEmpty(copy);
  return free ? rules : [...rules, { name: "min", args: { limit: 1 } }];
}

/** JSON Schema has neither flags nor inverted patterns. */
function isPortable({ args }: Rule): boolean {
  const inverted = args?.["options"] !== undefined && JSON.stringify(args["options"]).includes('"invert":true');
  return !inverted && /\/u?$/.test(String(args?.["regex"]));
}

function plainNumberRules(rules: Rule[]): Rule[] {
  const ports = rules.flatMap((rule): Rule[] =>
    rule.name === "port"
      ? [{ name: "integer" }, { name: "min", args: { limit: 0 } }, { name: "max", args: { limit: 65_535 } }]
      : [rule],
  );
  // Only as the first rule does it make the type.
  return ports.toSorted((a, b) => Number(b.name === "integer") - Number(a.name === "integer"));
}

function rulesOf(copy: Description): Rule[] {
  return Array.isArray(copy["rules"]) ? copy["rules"] : [];
}

function flagsOf(copy: Description): Record<string, unknown> {
  const { flags } = copy;
  return typeof flags === "object" && flags !== null ? { ...flags } : {};
}

function takesEmpty(copy: Description): boolean {
  return Array.isArray(copy["allow"]) && copy["allow"].includes("");
}

/** Mends what the converter writes wrongly: nullable alternatives, `any` as a list of types, name patterns as members. */
function mendSchema(schema: object): JsonSchema {
  const mended = mapValues(schema, mendValue);
  const { type, anyOf, properties, patternProperties } = mended;
  if (Array.isArray(anyOf) && type === "null") {
    delete mended["type"];
    mended["anyOf"] = [...anyOf, { type: "null" }];
  }
  if (Array.isArray(type) && type.includes("array") && type.includes("string")) delete mended["type"];
  if (isRecord(properties) && isRecord(patternProperties)) {
    for (const pattern of Object.keys(patternProperties)) delete properties[`/${pattern}/`];
  }
  return mended;
}

function mendValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mendValue);
  return isRecord(value) ? mendSchema(value) : value;
}

/** Whether a value is an object with members. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mapValues(record: object, map: (value: unknown, key: string) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}

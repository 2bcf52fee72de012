import type Joi from "joi";
import { expect, test } from "@jest/globals";
import { contractSurfaces } from "../src/contracts/all.js";
import { nativeRoutes } from "../src/routes/native.js";
import { contextWithoutDatabase } from "./native/native-api.js";

type Description = Joi.Description & {
  keys?: Record<string, Description>;
  items?: Description[];
  patterns?: { rule?: Description }[];
  matches?: { schema?: Description; then?: Description; otherwise?: Description }[];
};

/** What stands in for a greatest length; patterns must be bounded themselves. */
const STRING_LIMITS = ["max", "length", "pattern"];
/** Their inside is the producer's: bounded by the body's bytes, nesting and members. */
const FREE = ["payload"];

const context = contextWithoutDatabase();
const routes = [...contractSurfaces(context).flatMap((surface) => surface.routes), ...nativeRoutes(context)];

test.each(routes.map((route) => ({ id: route.operationId, route })))(
  "every text, list and set of names that $id takes has a greatest length",
  ({ route: { input } }) => {
    const parts = Object.entries(input).filter(([, schema]) => schema !== undefined);
    const unlimited = parts.flatMap(([part, schema]) => findUnlimited(schema?.describe() ?? {}, part));
    expect(unlimited).toEqual([]);
  },
);

function findUnlimited(description: Description | object, place: string): string[] {
  const {
    type,
    keys = {},
    items = [],
    patterns = [],
    matches = [],
    rules = [],
    flags = {},
  }: Description = {
    type: "any",
    ...description,
  };
  const names = new Set(rules.map((rule: object): string => Object(rule).name));
  const isOneOf = Object(flags).only === true;
  const limits = type === "string" ? STRING_LIMITS : type === "array" || patterns.length > 0 ? ["max"] : [];
  const here = limits.length > 0 && !isOneOf && !limits.some((name) => names.has(name)) ? [place] : [];
  return [
    ...here,
    ...Object.entries(keys).flatMap(([name, member]) =>
      FREE.includes(name) ? [] : findUnlimited(member, `${place}/${name}`),
    ),
    ...items.flatMap((item) => findUnlimited(item, `${place}/*`)),
    ...patterns.flatMap(({ rule = { type: "any", flags: {} } }) => findUnlimited(rule, `${place}/?`)),
    ...matches.flatMap(({ schema, then, otherwise }) =>
      [schema, then, otherwise].flatMap((one) => (one === undefined ? [] : findUnlimited(one, `${place}|`))),
    ),
  ];
}

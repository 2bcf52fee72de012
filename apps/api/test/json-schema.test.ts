import { expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import Joi from "joi";
import { type JsonSchema, toJsonSchema } from "../src/json-schema.js";
import { createNativeSurface } from "../src/native-surface.js";
import { createOpenApi, problemCodesOf } from "../src/openapi.js";
import { route } from "../src/route.js";
import { toyRoutes } from "./toy.js";

const SAMPLES = JSON.parse(`[
  null, true, "", "a", "abc", "abcd", "Abc", "a@b", 0, 1, 1.5, -1, 70000, [], ["a"], [1], {}, {"a":1}, {"a":"x"}, {"abc":null},
  "https://example.com/", "0197f3a0-0000-7000-8000-000000000001", "2026-01-02T03:04:05.678Z"
]`);

test.each<[string, Joi.Schema]>([
  ["string", Joi.string()],
  ["string with the empty one", Joi.string().allow("")],
  ["nullable string", Joi.string().allow(null)],
  ["string of a length", Joi.string().length(3)],
  ["string with a pattern", Joi.string().pattern(/^a/)],
  ["string with an inverted pattern", Joi.string().pattern(/^a/, { invert: true })],
  ["choice", Joi.string().valid("a", "abc")],
  ["nullable choice", Joi.string().valid("a", "abc", null)],
  ["constant", Joi.valid("a")],
  ["null alone", Joi.any().valid(null)],
  ["uuid", Joi.string().guid()],
  ["uri", Joi.string().uri()],
  ["time", Joi.string().isoDate()],
  ["boolean", Joi.boolean()],
  ["number", Joi.number()],
  ["bounded integer, the bound first", Joi.number().min(1).integer()],
  ["port", Joi.number().port()],
  ["array", Joi.array().items(Joi.string()).min(1)],
  ["array of two kinds", Joi.array().items(Joi.string(), Joi.number())],
  ["any object", Joi.object()],
  ["closed object", Joi.object({})],
  ["open object", Joi.object({ a: Joi.number() }).unknown()],
  ["object of members", Joi.object({ a: Joi.number().required() })],
  ["all members required by preference", Joi.object({ a: Joi.number() }).prefs({ presence: "required" })],
  ["object by name pattern", Joi.object().pattern(/^a/, Joi.number())],
  ["object of any names", Joi.object().pattern(Joi.string(), Joi.number())],
  ["alternatives", Joi.alternatives().try(Joi.string(), Joi.object())],
  ["nullable alternatives", Joi.alternatives().try(Joi.string(), Joi.array().items(Joi.number())).allow(null)],
  [
    "alternatives by kind",
    Joi.alternatives().conditional(Joi.object().unknown(), {
      // oxlint-disable-next-line unicorn/no-thenable -- a word of Joi's
      then: Joi.object({ a: Joi.number() }),
      otherwise: Joi.valid("abc"),
    }),
  ],
  ["anything", Joi.any()],
])("the JSON Schema of %s takes what Joi takes and refuses what Joi refuses", (name, schema) => {
  const components: Record<string, JsonSchema> = {};
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  const validate = ajv.compile(toJsonSchema(schema, components));
  for (const sample of SAMPLES) {
    const joi = schema.required().validate(sample, { convert: false }).error === undefined;
    // Inverted patterns cannot be said: the document is wider.
    if (name.includes("inverted") && !joi) continue;
    expect({ sample, taken: validate(sample) }).toEqual({ sample, taken: joi });
  }
});

test("a pattern with flags is left out: JSON Schema could not keep it", () => {
  expect(toJsonSchema(Joi.string().pattern(/^a/i), {})).toEqual({ type: "string", minLength: 1 });
});

test("schemas with an id are components, referred to from where they stand", () => {
  const components: Record<string, JsonSchema> = {};
  const part = Joi.object({ a: Joi.number() }).id("Part");
  expect(toJsonSchema(Joi.array().items(part), components)).toMatchObject({
    items: { $ref: "#/components/schemas/Part" },
  });
  expect(components["Part"]).toMatchObject({ properties: { a: { type: "number" } } });
  expect(() => toJsonSchema(Joi.object({ b: Joi.number() }).id("Part"), components)).toThrow(
    "two schemas have the id Part",
  );
});

test("a member named as a word of JSON Schema or Joi is described as any other", () => {
  const schema = Joi.object({ type: Joi.string(), keys: Joi.object(), rules: Joi.array(), allow: Joi.object() });
  expect(toJsonSchema(schema, {})).toMatchObject({
    properties: {
      type: { type: "string", minLength: 1 },
      keys: { additionalProperties: true },
      rules: { type: "array" },
    },
  });
  expect(toJsonSchema(schema, {})).toMatchObject({ properties: { allow: { additionalProperties: true } } });
});

test("the document names for each operation the problems that follow from what it takes", () => {
  const [create] = toyRoutes;
  const read = toyRoutes.find(({ method, scope }) => method === "GET" && scope !== null);
  const publicOne = toyRoutes.find(({ operationId }) => operationId === "greet");
  if (create === undefined || read === undefined || publicOne === undefined) throw new Error("the toys are gone");
  const framework = ["internal_error", "malformed_request", "unavailable", "validation_error"];
  expect(problemCodesOf(publicOne).toSorted()).toEqual(framework);
  expect(problemCodesOf(read).toSorted()).toEqual([
    "forbidden",
    "internal_error",
    "malformed_request",
    "not_found",
    "rate_limited",
    "unauthenticated",
    "unavailable",
    "validation_error",
  ]);
  expect(problemCodesOf(create)).toEqual(
    expect.arrayContaining(["malformed_json", "payload_too_large", "unsupported_media_type", "quota_exhausted"]),
  );
});

test("a path variable without a schema is refused when the document is built", () => {
  const careless = route({
    method: "GET",
    path: "/v1/toys/{toy_id}",
    operationId: "careless",
    summary: "Forgets its variable",
    tag: "toys",
    scope: "events:read",
    input: {},
    answers: {},
    refusals: [],
    handle: async () => ({ status: 204 }),
  });
  expect(() => createOpenApi([createNativeSurface([careless])])).toThrow("GET /v1/toys/{toy_id}");
});

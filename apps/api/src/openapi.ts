import type Joi from "joi";
import { isRecord, type JsonSchema, toJsonSchema } from "./json-schema.js";
import { PROBLEM_KINDS, type ProblemCode } from "./problem.js";
import type { Route } from "./route.js";
import type { Surface } from "./surface.js";

const VERSION = "1.0.0";

type Components = Record<string, JsonSchema>;

interface Response {
  description: string;
  content?: Record<string, { schema: JsonSchema }>;
}

interface Operation {
  responses: Record<string, Response>;
  [member: string]: unknown;
}

/** An OpenAPI 3.1 document; what is read of it here is typed, the rest follows the specification. */
export interface OpenApiDocument {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  [member: string]: unknown;
}

/** The document of every surface's routes: <https://spec.openapis.org/oas/v3.1.1>. */
export function createOpenApi(surfaces: readonly Surface[]): OpenApiDocument {
  const components: Components = {};
  const paths: OpenApiDocument["paths"] = {};
  for (const surface of surfaces) {
    for (const route of surface.routes) {
      const operation = describeOperation(surface, route, components);
      paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation };
    }
  }
  return {
    openapi: "3.1.1",
    info: { title: "Homing", version: VERSION, description: "Publish once; delivered signed to every subscriber." },
    servers: [{ url: "/" }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "An organization's API key, or a portal token" },
        operator: { type: "http", scheme: "bearer", description: "The operator's credential" },
      },
      schemas: components,
    },
  };
}

/** Every problem that a route may answer: its own, and those that follow from what it takes. */
export function problemCodesOf(route: Route): ProblemCode[] {
  const { input, scope, method } = route;
  const codes = new Set<ProblemCode>(route.refusals);
  // A query that cannot be stored is not valid wherever it stands.
  codes.add("malformed_request").add("validation_error").add("internal_error").add("unavailable");
  if (scope !== null) codes.add("unauthenticated").add("rate_limited");
  if (scope !== null && scope !== "operator") codes.add("forbidden");
  if (method !== "GET") codes.add("payload_too_large").add("unsupported_media_type");
  if (input.body !== undefined) codes.add("malformed_json");
  return [...codes];
}

function securityOf(scope: Route["scope"]): object[] {
  if (scope === null) return [];
  return [scope === "operator" ? { operator: [] } : { bearer: [scope] }];
}

/** A path's variables must be the keys of its params schema, or they would go unchecked and undescribed. */
function assertParamsDescribed({ method, path, input }: Route): void {
  const named = [...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? []).toSorted();
  const described = Object.keys(input.params?.describe().keys ?? {}).toSorted();
  if (named.join() !== described.join()) throw new Error(`the params schema of ${method} ${path} has other names`);
}

function describeOperation(surface: Surface, route: Route, components: Components): Operation {
  assertParamsDescribed(route);
  const { input, scope } = route;
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    security: securityOf(scope),
    parameters: [
      ...describeParameters("path", input.params, components),
      ...describeParameters("query", input.query, components),
      ...describeParameters("header", input.headers, components),
    ],
    ...describeBody(route, components),
    responses: { ...describeProblems(surface, route, components), ...describeAnswers(route, components) },
  };
}

function describeParameters(
  place: "path" | "query" | "header",
  schema: Joi.ObjectSchema | undefined,
  components: Components,
): JsonSchema[] {
  if (schema === undefined) return [];
  const { properties, required } = toJsonSchema(schema, components);
  return Object.entries(isRecord(properties) ? properties : {}).map(([name, property]) => {
    const { description, ...rest } = isRecord(property) ? property : {};
    const isRequired = place === "path" || (Array.isArray(required) && required.includes(name));
    return { name, in: place, required: isRequired, ...(description ? { description } : {}), schema: rest };
  });
}

function describeBody({ input, bodyOptional }: Route, components: Components): JsonSchema {
  if (input.body === undefined) return {};
  const schema = toJsonSchema(input.body, components);
  return { requestBody: { required: bodyOptional !== true, content: { "application/json": { schema } } } };
}

function describeAnswers({ answers }: Route, components: Components): Operation["responses"] {
  const entries = Object.entries(answers).map(([status, { description, schema }]): [string, Response] => [
    status,
    schema === undefined
      ? { description }
      : { description, content: { "application/json": { schema: toJsonSchema(schema, components) } } },
  ]);
  return Object.fromEntries(entries);
}

function describeProblems(surface: Surface, route: Route, components: Components): Operation["responses"] {
  const responses: Operation["responses"] = {};
  for (const code of problemCodesOf(route).toSorted()) {
    const { status, contentType, schema } = surface.documentProblem(code);
    const line = `\`${code}\`: ${PROBLEM_KINDS[code].title}.`;
    const before = responses[status];
    responses[status] = {
      description: before === undefined ? line : `${before.description}\n\n${line}`,
      content: { ...before?.content, [contentType]: { schema: toJsonSchema(schema, components) } },
    };
  }
  return responses;
}

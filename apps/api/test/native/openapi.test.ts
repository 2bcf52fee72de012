import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { isRecord } from "../../src/json-schema.js";
import { problemCodesOf } from "../../src/openapi.js";
import { PROBLEM_KINDS } from "../../src/problem.js";
import type { Route } from "../../src/route.js";
import { type NativeServer, routesWithoutDatabase, serveWithoutDatabase } from "./native-api.js";

const routes = routesWithoutDatabase();

let server: NativeServer;
let document: Record<string, unknown>;

beforeAll(async () => {
  server = await serveWithoutDatabase();
  const response = await fetch(`${server.url}/openapi.json`);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  document = Object(await response.json());
});
afterAll(() => server.close());

test("/openapi.json is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(validator.version).toBe("3.1");
  expect(document["openapi"]).toMatch(/^3\.1\./);
});

test("the validator finds a document out that is not", async () => {
  const broken = { ...structuredClone(document), paths: { "/v1/events": { get: { responses: [] } } } };
  expect((await new Validator().validate(broken)).valid).toBe(false);
});

function securityOf(scope: Route["scope"]): object[] {
  if (scope === null) return [];
  return [scope === "operator" ? { operator: [] } : { bearer: [scope] }];
}

test("it has every route once, under a name of its own, and no other", () => {
  const documented = operations().map(({ method, path, operationId }) => `${method} ${path} ${operationId}`);
  const served = routes.map(({ method, path, operationId }) => `${method} ${path} ${operationId}`);
  expect(documented.toSorted()).toEqual(served.toSorted());
  expect(new Set(routes.map(({ operationId }) => operationId)).size).toBe(routes.length);
});

test("every reference leads somewhere", () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(([, pointer]) => pointer ?? "");
  expect(references.length).toBeGreaterThan(0);
  for (const pointer of new Set(references)) {
    const target = pointer
      .split("/")
      .slice(1)
      .reduce<unknown>((value, step) => (isRecord(value) ? value[step] : undefined), document);
    expect({ pointer, found: isRecord(target) }).toEqual({ pointer, found: true });
  }
});

describe.each(routes.map((route) => ({ name: `${route.method} ${route.path}`, route })))("$name", ({ route }) => {
  test("documents each status that it may answer with, and its own scope", () => {
    const operation = operations().find(({ operationId }) => operationId === route.operationId);
    const problems = problemCodesOf(route).map((code) => PROBLEM_KINDS[code].status);
    const statuses = [...Object.keys(route.answers), ...problems].map(String);
    expect(operation?.statuses.toSorted()).toEqual([...new Set(statuses)].toSorted());
    expect(operation?.security).toEqual(securityOf(route.scope));
  });
});

test("every example is what its own schema takes", () => {
  const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, "openapi.json");
  const examples = examplesIn(document, []);
  expect(examples.length).toBeGreaterThan(5);
  for (const { path, example } of examples) {
    const fragment = path.map((step) => `/${encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))}`);
    const validate = ajv.compile({ $ref: `openapi.json#${fragment.join("")}` });
    validate(example);
    expect({ path, example, errors: validate.errors }).toEqual({ path, example, errors: null });
  }
});

interface Operation {
  method: string;
  path: string;
  operationId: string;
  statuses: string[];
  security: unknown;
}

function operations(): Operation[] {
  return entriesOf(document["paths"]).flatMap(([path, methods]) =>
    entriesOf(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operationId: String(Object(operation).operationId),
      statuses: Object.keys(Object(operation).responses),
      security: Object(operation).security,
    })),
  );
}

/** Every example of a schema, with the path of the schema. */
function examplesIn(value: unknown, path: string[]): { path: string[]; example: unknown }[] {
  return entriesOf(value).flatMap(([name, member]) => {
    if (name === "example") return [{ path, example: member }];
    if (name === "examples" && Array.isArray(member)) return member.map((example: unknown) => ({ path, example }));
    return examplesIn(member, [...path, name]);
  });
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

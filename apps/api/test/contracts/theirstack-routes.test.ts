import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createTheirstackSurface } from "../../src/contracts/theirstack/surface.js";
import { createOpenApi } from "../../src/openapi.js";
import { contextWithoutDatabase } from "../native/native-api.js";
import { expectError, startTheirstack, type Theirstack, UNKNOWN_NUMBER } from "./theirstack-fixtures.js";

const surface = createTheirstackSurface(contextWithoutDatabase());
const table = surface.routes.map((route) => ({ name: `${route.method} ${route.path}`, route }));

let all: Theirstack;

beforeAll(async () => {
  all = await startTheirstack();
});
afterAll(() => all.stop());

test("the routes make a valid OpenAPI document, each operation under a name of its own", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(createOpenApi([surface])));
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(new Set(surface.routes.map(({ operationId }) => operationId)).size).toBe(surface.routes.length);
  expect(surface.routes).toHaveLength(12);
});

describe.each(table)("$name", ({ route }) => {
  test("refuses a method that it does not take with 405 and those that it does", async () => {
    const filled = route.path.replace("{webhook_id}", String(UNKNOWN_NUMBER));
    const taken = surface.routes.filter(({ path }) => path === route.path).map(({ method }) => method);
    const allow = [...taken, "OPTIONS", ...(taken.includes("GET") ? ["HEAD"] : [])].toSorted().join(", ");
    const answer = await all.us.ask("PUT", filled);
    expectError(answer, 405, "E-010");
    expect(answer.headers["allow"]).toBe(allow);
  });
});

test("the integer that names a request leads to the id in its header", async () => {
  const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const { headers, body } = await all.us.ask("GET", `/v0/webhooks/${UNKNOWN_NUMBER}`);
  let rest: number = body.request_id;
  let spelt = "";
  for (let index = 0; index < 12; index++) {
    spelt = `${digits[rest % 32]}${spelt}`;
    rest = Math.floor(rest / 32);
  }
  expect(String(headers["x-request-id"]).startsWith(`req_${spelt}`)).toBe(true);
});

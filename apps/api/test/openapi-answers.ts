import { expect } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { OpenApiDocument } from "../src/openapi.js";

const DOCUMENT = "openapi.json";
const validators = new WeakMap<OpenApiDocument, Ajv2020>();

export interface ObservedAnswer {
  method: string;
  /** The path as it was asked for, without the query. */
  path: string;
  status: number;
  /** Absent when the answer had none. */
  contentType: string | undefined;
  body: unknown;
}

/** Fails unless the document describes the operation, the status, the content type and the shape of an answer that was seen. */
export function expectDocumented(document: OpenApiDocument, answer: ObservedAnswer): void {
  const { method, path, status, contentType, body } = answer;
  const template = findTemplate(document, path);
  const operation = template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
  expect({ path, method, documented: operation !== undefined }).toEqual({ path, method, documented: true });
  const response = operation?.responses[status];
  expect(Object.keys(operation?.responses ?? {})).toContain(String(status));
  const type = contentType?.split(";")[0];
  if (type === undefined) {
    expect(response?.content).toBeUndefined();
    return;
  }
  expect(Object.keys(response?.content ?? {})).toContain(type);
  const pointer = [
    "paths",
    template ?? "",
    method.toLowerCase(),
    "responses",
    String(status),
    "content",
    type,
    "schema",
  ];
  const validate = validatorOf(document).getSchema(`${DOCUMENT}#${pointer.map(toFragmentStep).join("")}`);
  const isTaken = validate?.(body);
  expect({ body, isTaken, errors: validate?.errors }).toEqual({ body, isTaken: true, errors: null });
}

/** Whether the document has such an operation. */
export function isDescribed(document: OpenApiDocument, { method, path }: { method: string; path: string }): boolean {
  const template = findTemplate(document, path);
  return template !== undefined && document.paths[template]?.[method.toLowerCase()] !== undefined;
}

function findTemplate(document: OpenApiDocument, path: string): string | undefined {
  const fitting = Object.keys(document.paths).filter((template) => {
    const steps = template.split("/");
    const given = path.split("/");
    return steps.length === given.length && steps.every((step, index) => step.startsWith("{") || step === given[index]);
  });
  return fitting.toSorted((a, b) => a.split("{").length - b.split("{").length)[0];
}

function validatorOf(document: OpenApiDocument): Ajv2020 {
  const known = validators.get(document);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({ strict: false, validateSchema: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, DOCUMENT);
  validators.set(document, ajv);
  return ajv;
}

function toFragmentStep(step: string): string {
  return `/${encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
}

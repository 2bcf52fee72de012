import type Joi from "joi";
import type { Route } from "../../src/route.js";
import { makeDelivery } from "./fixtures.js";
import type { Asked, Method, Organization } from "./native-api.js";

/** A row of each kind that a path or a filter can name. */
export interface Rows {
  webhook_id: string;
  event_id: string;
  delivery_id: string;
}

/** One organization's rows, an attempt apart. */
export async function makeRows(organization: Organization): Promise<Rows> {
  const { webhookId, eventId, deliveryId } = await makeDelivery(organization);
  return { webhook_id: webhookId, event_id: eventId, delivery_id: deliveryId };
}

/** A path's variables, by name. */
export function variablesOf({ path }: Route): (keyof Rows)[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => rowName(name));
}

/** A route's query parameters that name a row. */
export function idFiltersOf({ input }: Route): (keyof Rows)[] {
  return (
    Object.keys(input.query?.describe().keys ?? {})
      // Nor a key nor the row of an audit entry is one of these: test/native/audit-log.test.ts asks for them.
      .filter((name) => name.endsWith("_id") && !["target_id", "api_key_id"].includes(name))
      .map(rowName)
  );
}

/** The members of a route's body that name rows, as paths of member names. */
export function idFieldsOf({ input }: Route): string[][] {
  return input.body === undefined ? [] : idFieldsIn(input.body.describe());
}

function idFieldsIn(description: object): string[][] {
  const { keys = {}, items = [] }: Joi.Description & { items?: object[] } = { ...description, type: "" };
  const members = Object.entries(keys).flatMap(([name, member]) => {
    if (/_ids?$/.test(name)) return [[name]];
    return idFieldsIn(Object(member)).map((path) => [name, ...path]);
  });
  return [...members, ...items.flatMap(idFieldsIn)];
}

/** The path with its variables filled in. */
export function fillPath({ path }: Route, rows: Rows): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => rows[rowName(name)]);
}

/** A request that the route takes: its path with these rows' ids and, where it needs one, a body. */
export function validRequest(route: Route, rows: Rows): { method: Method; path: string; asked: Asked } {
  const json = bodyOf(route);
  return { method: route.method, path: fillPath(route, rows), asked: json === undefined ? {} : { json } };
}

/**
 * A body that the route takes; undefined: it takes none.
 * @param more members of each of its events
 */
export function bodyOf({ operationId, input }: Route, more: object = {}): object | undefined {
  switch (operationId) {
    case "publishEvent":
      return { type: "invoice.paid", payload: { a: 1 }, ...more };
    case "publishEvents":
      return { events: [{ type: "invoice.paid", payload: { a: 1 }, ...more }] };
    case "createWebhook":
      return { url: "https://a.example/" };
    case "updateWebhook":
      return { description: "x" };
    default:
      if (input.body !== undefined) throw new Error(`no body is known that ${operationId} takes: add one`);
      return undefined;
  }
}

function rowName(name: string | undefined): keyof Rows {
  if (name === "webhook_id" || name === "event_id" || name === "delivery_id") return name;
  throw new Error(`no row is known that ${name} names: add one`);
}

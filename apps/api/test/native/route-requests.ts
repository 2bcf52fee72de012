import type Joi from "joi";
import type { Route } from "../../src/route.js";
import { makeDelivery } from "./fixtures.js";
import type { Asked, Method, Organization } from "./native-api.js";

/** A row of each kind that a path or a filter can name. */
export interface Rows {
  webhook_id: string;
  event_id: string;
  delivery_id: string;
  key_id: string;
  organization_id: string;
}

/** One organization's rows, an attempt apart. */
export async function makeRows(organization: Organization): Promise<Rows> {
  const { webhookId, eventId, deliveryId } = await makeDelivery(organization);
  const key = await organization.ask("POST", "/v1/keys", { json: { name: "spare", scopes: ["events:read"] } });
  return {
    webhook_id: webhookId,
    event_id: eventId,
    delivery_id: deliveryId,
    key_id: key.body.id,
    organization_id: organization.organizationId,
  };
}

/** Those of its query parameters that name a row, and must be there. */
function requiredIdsOf(route: Route): (keyof Rows)[] {
  const keys: Record<string, { flags?: { presence?: string } }> = route.input.query?.describe().keys ?? {};
  return Object.entries(keys)
    .filter(([name, { flags }]) => name.endsWith("_id") && flags?.presence === "required")
    .map(([name]) => rowName(name));
}

/** The members of a route's body that name rows, as paths of member names. */
export function idFieldsOf({ input }: Route): string[][] {
  return input.body === undefined ? [] : idFieldsIn(input.body.describe());
}

function idFieldsIn(description: object): string[][] {
  const { keys = {}, items = [] }: Joi.Description & { items?: object[] } = { ...description, type: "" };
  const members = Object.entries(keys).flatMap(([name, member]) => {
    if (/(?:_i|I)ds?$/.test(name)) return [[name]];
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
  const query = Object.fromEntries(requiredIdsOf(route).map((name) => [name, rows[name]]));
  const asked = { query, ...(json !== undefined && { json }) };
  return { method: route.method, path: fillPath(route, rows), asked };
}

/**
 * A body that the route takes; undefined: it takes none.
 * @param more members of each of its events, or of a portal token
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
    case "createKey":
    case "createOrganizationKey":
      return { name: "k", scopes: ["events:read"] };
    case "createPortalToken":
      return { scopes: ["webhooks:read"], ...more };
    case "createOrganization":
      return { name: "o" };
    case "rotateSecret":
      return { expire_previous_after_seconds: 60 };
    default:
      if (input.body !== undefined) throw new Error(`no body is known that ${operationId} takes: add one`);
      return undefined;
  }
}

function rowName(name: string | undefined): keyof Rows {
  switch (name) {
    case "webhook_id":
    case "event_id":
    case "delivery_id":
    case "key_id":
    case "organization_id":
      return name;
    case undefined:
    default:
      throw new Error(`no row is known that ${name} names: add one`);
  }
}

import type { Route } from "../../src/route.js";
import type { Surface } from "../../src/surface.js";
import type { ContractAsked } from "../contracts/ask.js";
import { bodyOf, idFieldsOf } from "../native/route-requests.js";
import type { Method } from "../native/native-api.js";
import { type MatrixRows, spellRow } from "./rows.js";

export interface MatrixRequest {
  method: Method;
  path: string;
  asked: ContractAsked;
}

/** A request that the route takes, with these rows in its path and, where it must name some, its body or query. */
export function requestOf(surface: Surface, route: Route, rows: MatrixRows): MatrixRequest {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const spelt = spellRow(surface, route, name, rows);
    if (spelt === null) throw new Error(`no row is known that ${name} of ${route.path} names: add one`);
    return String(spelt);
  });
  const json = surface.name === "native" ? bodyOf(route) : contractBodyOf(route, rows);
  const query = route.operationId === "theirstackCountEventsByDay" ? { webhook_id: rows.webhookNumber } : {};
  return { method: route.method, path, asked: json === undefined ? { query } : { json, query } };
}

/** The same request, once for each query parameter and member of a body that names rows besides. */
export function namingRequestsOf(surface: Surface, route: Route, rows: MatrixRows): (MatrixRequest & { by: string })[] {
  const plain = requestOf(surface, route, rows);
  const isNamed = route.path.includes("{");
  const byQuery = Object.keys(route.input.query?.describe().keys ?? {}).flatMap((name) => {
    const spelt = spellRow(surface, route, name, rows);
    return spelt === null ? [] : { ...plain, by: `?${name}`, asked: { ...plain.asked, query: { [name]: spelt } } };
  });
  const byMember = idFieldsOf(route).flatMap((path) => {
    const name = path.at(-1) ?? "";
    const spelt = spellRow(surface, route, name, rows);
    const value = name.endsWith("s") ? [spelt] : spelt;
    return spelt === null
      ? []
      : { ...plain, by: path.join("."), asked: { json: withMember(surface, route, { [name]: value }) } };
  });
  return [...(isNamed ? [{ ...plain, by: "its path" }] : []), ...byQuery, ...byMember];
}

function withMember(surface: Surface, route: Route, member: object): object | undefined {
  return surface.name === "native" ? bodyOf(route, member) : member;
}

function contractBodyOf({ operationId, input, bodyOptional }: Route, rows: MatrixRows): object | undefined {
  switch (operationId) {
    case "theirstackRetryEvents":
      return { webhook_event_ids: [rows.deliveryNumber] };
    case "theirstackCreateWebhook":
      return { url: "https://a.example/", search_id: 1 };
    case "theirstackUpdateWebhook":
      return { description: "x" };
    case "theirstackSetWebhookStatus":
      return { is_active: false };
    case "theirstackTestWebhook":
      return { webhook_id: rows.webhookNumber };
    case "b3osCreateEndpoint":
      return { name: "hook", url: "https://a.example/", subscribedEventTypes: ["run.*"] };
    default:
      if (input.body !== undefined && bodyOptional !== true) {
        throw new Error(`no body is known that ${operationId} takes: add one`);
      }
      return undefined;
  }
}

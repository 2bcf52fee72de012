import { parseEventId } from "@homing/core/events/event-id";
import type { Route } from "../../src/route.js";
import type { Surface } from "../../src/surface.js";
import type { ContractApi, ContractOrganization } from "../contracts/contract-api.js";
import { DELIVERIES } from "../contracts/b3os-fixtures.js";
import { UNKNOWN_NUMBER } from "../contracts/theirstack-fixtures.js";
import { UNKNOWN_ID } from "../native/fixtures.js";
import { makeRows, type Rows } from "../native/route-requests.js";

/** One row of each kind, by the ids and numbers under which the surfaces know it. */
export interface MatrixRows extends Rows {
  webhookNumber: number;
  deliveryNumber: number;
  eventUuid: string;
}

/** Rows that there are not. */
export const UNKNOWN: MatrixRows = {
  webhook_id: UNKNOWN_ID,
  event_id: "evt_01JBAAAA000000000000000000",
  delivery_id: UNKNOWN_ID,
  key_id: UNKNOWN_ID,
  organization_id: UNKNOWN_ID,
  webhookNumber: UNKNOWN_NUMBER,
  deliveryNumber: UNKNOWN_NUMBER,
  eventUuid: UNKNOWN_ID,
};

/** A webhook, an event, its delivery and a key of an organization. */
export async function makeMatrixRows(api: ContractApi, organization: ContractOrganization): Promise<MatrixRows> {
  const rows = await makeRows(organization);
  const webhook = await api.db.webhook.findUniqueOrThrow({ where: { id: rows.webhook_id } });
  const delivery = await api.db.delivery.findFirstOrThrow({ where: { id: rows.delivery_id } });
  return {
    ...rows,
    webhookNumber: Number(webhook.number),
    deliveryNumber: Number(delivery.number),
    eventUuid: parseEventId(rows.event_id) ?? "",
  };
}

/** How a surface spells the row that a variable, a query parameter or a member of a body names; null: it names no row. */
export function spellRow(surface: Surface, route: Route, name: string, rows: MatrixRows): string | number | null {
  switch (surface.name) {
    case "theirstack":
      if (name === "webhook_id") return rows.webhookNumber;
      return name === "webhook_event_ids" ? rows.deliveryNumber : null;
    case "b3os":
      if (name === "endpointId") return rows.webhook_id;
      return name === "id" ? (route.path.startsWith(DELIVERIES) ? rows.delivery_id : rows.webhook_id) : null;
    case "baanx":
      if (name === "eventId") return rows.eventUuid;
      return name === "id" || name === "webhookId" ? rows.webhook_id : null;
    default:
      return spellNative(name, rows);
  }
}

function spellNative(name: string, rows: MatrixRows): string | null {
  switch (name) {
    case "webhook_id":
    case "webhook_ids":
      return rows.webhook_id;
    case "event_id":
    case "delivery_id":
    case "key_id":
    case "organization_id":
      return rows[name];
    default:
      return null;
  }
}

/** A text without anything that tells whose rows were asked for, nor by which request. */
export function withoutNames(text: string, rows: MatrixRows): string {
  const anonymous = text.replaceAll(/"request_?id":(?:"[^"]*"|\d+)/gi, '"request_id":"…"');
  const names = Object.values(rows).map((name) => new RegExp(`\\b${name}\\b`, "g"));
  return names.reduce((rest, name) => rest.replaceAll(name, "…"), anonymous);
}

import { createKey } from "@homing/core/organizations/create-key";
import { getKey, listKeys } from "@homing/core/organizations/read";
import { revokeKey } from "@homing/core/organizations/revoke-key";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { type Route, route } from "../route.js";
import { keyAnswer, keyBody, keyBodyOf, newKeyAnswer, toNewKey } from "./key-bodies.js";
import { pageBody, toPageRequest } from "./page.js";
import { type PageQuery, pageOf, pageQuery, uuid } from "./schemas.js";

const TAG = "Keys";
const params = Joi.object<{ key_id: string }>({ key_id: uuid().required() });

/** An organization's keys, in the hands of those that may manage them. */
export function keyRoutes(context: ApiContext): Route[] {
  return [createKeyRoute(context), listKeysRoute(context), getKeyRoute(context), revokeKeyRoute(context)];
}

function createKeyRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/keys",
    operationId: "createKey",
    summary: "Create an API key",
    description: "It may have any of the scopes of the key that asks for it, and no other.",
    tag: TAG,
    scope: "keys:manage",
    input: { body: keyBody },
    answers: { 201: { description: "The key, which is shown this once", schema: newKeyAnswer } },
    refusals: ["forbidden"],
    async handle({ caller: { organizationId, apiKeyId: grantedBy }, body, actor }) {
      const { apiKey, key } = await createKey(
        { ...context, actor: actor() },
        { organizationId, grantedBy, ...toNewKey(body) },
      );
      return { status: 201, body: { ...keyBodyOf(apiKey), key } };
    },
  });
}

function listKeysRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/keys",
    operationId: "listKeys",
    summary: "List API keys, newest first, revoked and expired ones too",
    tag: TAG,
    scope: "keys:manage",
    input: { query: Joi.object<PageQuery>(pageQuery) },
    answers: { 200: { description: "A page of keys", schema: pageOf(keyAnswer) } },
    refusals: [],
    async handle({ caller: { organizationId }, query }) {
      const place = { list: "keys", organizationId };
      const page = await listKeys(context, toPageRequest(context.cursors, place, query));
      return { status: 200, body: pageBody(context.cursors, place, page, keyBodyOf) };
    },
  });
}

function getKeyRoute(context: ApiContext): Route {
  return route({
    method: "GET",
    path: "/v1/keys/{key_id}",
    operationId: "getKey",
    summary: "Get what is known of an API key",
    tag: TAG,
    scope: "keys:manage",
    input: { params },
    answers: { 200: { description: "The key, without itself", schema: keyAnswer } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { key_id: keyId } }) {
      return { status: 200, body: keyBodyOf(await getKey(context, { organizationId, keyId })) };
    },
  });
}

function revokeKeyRoute(context: ApiContext): Route {
  return route({
    method: "POST",
    path: "/v1/keys/{key_id}/revoke",
    operationId: "revokeKey",
    summary: "Revoke an API key",
    description:
      "From the next request on it is as good as unknown, and so is every portal token that it made. A key may revoke itself, the " +
      "last one with `keys:manage`, too: only the operator can make another then.",
    tag: TAG,
    scope: "keys:manage",
    input: { params },
    answers: { 200: { description: "The key, revoked now or before", schema: keyAnswer } },
    refusals: ["not_found"],
    async handle({ caller: { organizationId }, params: { key_id: keyId }, actor }) {
      const revoked = await revokeKey({ ...context, actor: actor() }, { organizationId, keyId });
      return { status: 200, body: keyBodyOf(revoked) };
    },
  });
}

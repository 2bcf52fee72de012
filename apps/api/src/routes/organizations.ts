import { createOrganization } from "@homing/core/organizations/create-organization";
import { createKey } from "@homing/core/organizations/create-key";
import type { Organization } from "@homing/core/organizations/organization";
import { getOrganization, listOrganizations } from "@homing/core/organizations/read";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { operatorRoute, type Route } from "../route.js";
import { keyBody, keyBodyOf, newKeyAnswer, shortName, toNewKey } from "./key-bodies.js";
import { pageBody, toPageRequest } from "./page.js";
import { type PageQuery, pageOf, pageQuery, timeAnswer, uuid } from "./schemas.js";

const TAG = "Organizations";
const params = Joi.object<{ organization_id: string }>({ organization_id: uuid().required() });

const organizationAnswer = Joi.object({
  id: Joi.string().guid().required(),
  name: Joi.string().required(),
  created_at: timeAnswer().required(),
}).id("Organization");

/** The operator's: making organizations, finding them, and giving them keys. */
export function organizationRoutes(context: ApiContext): Route[] {
  return [
    createOrganizationRoute(context),
    listOrganizationsRoute(context),
    getOrganizationRoute(context),
    createOrganizationKeyRoute(context),
  ];
}

function createOrganizationRoute(context: ApiContext): Route {
  return operatorRoute({
    method: "POST",
    path: "/v1/organizations",
    operationId: "createOrganization",
    summary: "Create an organization",
    tag: TAG,
    input: { body: Joi.object<{ name: string }>({ name: shortName().required() }) },
    answers: {
      201: {
        description: "The organization, and its first key, which has all scopes and is shown this once",
        schema: organizationAnswer.keys({ first_key: newKeyAnswer.required() }).id("NewOrganization"),
      },
    },
    refusals: [],
    async handle({ body: { name }, actor }) {
      const { organization, apiKey, key } = await createOrganization({ ...context, actor: actor() }, { name });
      return { status: 201, body: { ...bodyOf(organization), first_key: { ...keyBodyOf(apiKey), key } } };
    },
  });
}

function listOrganizationsRoute(context: ApiContext): Route {
  return operatorRoute({
    method: "GET",
    path: "/v1/organizations",
    operationId: "listOrganizations",
    summary: "List organizations, newest first",
    tag: TAG,
    input: { query: Joi.object<PageQuery>(pageQuery) },
    answers: { 200: { description: "A page of organizations", schema: pageOf(organizationAnswer) } },
    refusals: [],
    async handle({ query }) {
      // The list is nobody's, so no organization's cursor is good for it.
      const place = { list: "organizations", organizationId: "" };
      const page = await listOrganizations(context, toPageRequest(context.cursors, place, query));
      return { status: 200, body: pageBody(context.cursors, place, page, bodyOf) };
    },
  });
}

function getOrganizationRoute(context: ApiContext): Route {
  return operatorRoute({
    method: "GET",
    path: "/v1/organizations/{organization_id}",
    operationId: "getOrganization",
    summary: "Get an organization",
    tag: TAG,
    input: { params },
    answers: { 200: { description: "The organization", schema: organizationAnswer } },
    refusals: ["not_found"],
    async handle({ params: { organization_id } }) {
      return { status: 200, body: bodyOf(await getOrganization(context, organization_id)) };
    },
  });
}

function createOrganizationKeyRoute(context: ApiContext): Route {
  return operatorRoute({
    method: "POST",
    path: "/v1/organizations/{organization_id}/keys",
    operationId: "createOrganizationKey",
    summary: "Create an API key for an organization",
    description: "For one that has lost or revoked its last.",
    tag: TAG,
    input: { params, body: keyBody },
    answers: { 201: { description: "The key, which is shown this once", schema: newKeyAnswer } },
    refusals: ["not_found"],
    async handle({ params: { organization_id: organizationId }, body, actor }) {
      const { apiKey, key } = await createKey(
        { ...context, actor: actor() },
        { organizationId, grantedBy: null, ...toNewKey(body) },
      );
      return { status: 201, body: { ...keyBodyOf(apiKey), key } };
    },
  });
}

function bodyOf({ id, name, createdAt }: Organization): object {
  return { id, name, created_at: createdAt.toISOString() };
}

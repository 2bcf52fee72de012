import { listPublicKeys } from "@homing/core/webhooks/public-keys";
import { toPublicJwk } from "@homing/signature/ed25519";
import Joi from "joi";
import type { ApiContext } from "../api-context.js";
import { publicRoute, type Route } from "../route.js";
import { uuid } from "./schemas.js";

/** Less than any overlap that leaves receivers time; a new key signs beside the one that they may have kept. */
const KEPT_SECONDS = 300;

const jwk = Joi.object({
  kty: Joi.string().valid("OKP").required(),
  crv: Joi.string().valid("Ed25519").required(),
  x: Joi.string().required(),
  use: Joi.string().valid("sig").required(),
  alg: Joi.string().valid("EdDSA").required(),
  kid: Joi.string().required().description("The key as `public_key` of the webhook spells it, `whpk_…`"),
});

/** What receivers read that verify by public keys. */
export function jwksRoutes(context: ApiContext): Route[] {
  return [getJwksRoute(context)];
}

function getJwksRoute(context: ApiContext): Route {
  return publicRoute({
    method: "GET",
    path: "/.well-known/jwks.json",
    operationId: "getJwks",
    summary: "Get the public keys of a webhook",
    description:
      "For everybody, without a key: a JWKS (RFC 7517, RFC 8037) of the ed25519 keys by which the webhook's `v1a` signatures may be " +
      "made now, newest first. It is empty for a webhook without such keys and for one that does not exist.",
    tag: "Webhooks",
    scope: null,
    input: { query: Joi.object<{ webhook_id: string }>({ webhook_id: uuid().required() }) },
    answers: {
      200: { description: "The key set", schema: Joi.object({ keys: Joi.array().items(jwk).required() }).id("Jwks") },
    },
    refusals: [],
    async handle({ query: { webhook_id: webhookId } }) {
      const keys = await listPublicKeys(context, webhookId);
      return {
        status: 200,
        body: { keys: keys.map(toPublicJwk) },
        headers: { "Cache-Control": `public, max-age=${KEPT_SECONDS}` },
      };
    },
  });
}

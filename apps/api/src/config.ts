import { type EgressSettings, type EgressVariables, egressVariables, toEgressSettings } from "@homing/egress/variables";
import { readEnv } from "@homing/runtime/env";
import Joi from "joi";
import { hashOperatorKey } from "./operator-key.js";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
const API_KEY = /^hom_[A-Za-z0-9_-]{28,252}$/;
// An API key is an organization's, so the operator's credential must not look like one, nor like a portal token.
const OPERATOR_KEY = /^(?!homp?_)[\x21-\x7e]{32,256}$/;
const ENCRYPTION_KEYS = /^[A-Za-z0-9_-]+:[A-Za-z0-9+/]+={0,2}(,[A-Za-z0-9_-]+:[A-Za-z0-9+/]+={0,2})*$/;

/** What the API process is told by its environment. */
export interface Config {
  host: string;
  port: number;
  databaseUrl: string;
  /** null: the queue is kept in Postgres */
  redisUrl: string | null;
  /** The first organization's key, to be made if there is none; null: none is made. */
  bootstrapApiKey: string | null;
  /** Who may make organizations, hashed; null: nobody. */
  operatorKeyHash: Buffer | null;
  /** `id:base64` pairs, comma-separated; the first encrypts. */
  encryptionKeys: string;
  /** Who may see the queue's board; null: there is no board. */
  boardLogin: { username: string; password: string } | null;
  /** CIDRs that webhooks may reach though they are not public. */
  egressAllow: string[];
  /** What else decides where requests go. */
  egress: EgressSettings;
  /** Whose word is taken for a client's address: so many proxies before us, or those in these CIDRs. */
  trustedProxies: number | string[];
  /** Requests of one API key in a second; null: no limit. */
  rateLimitPerSecond: number | null;
  /** false: nothing is sent, so what asks for sending is refused. */
  deliveryEnabled: boolean;
  logLevel: string;
  shutdownGraceMs: number;
}

interface Variables extends EgressVariables {
  HOST: string;
  PORT: number;
  DATABASE_URL: string;
  REDIS_URL?: string;
  HOMING_API_KEY?: string;
  HOMING_OPERATOR_KEY?: string;
  HOMING_ENCRYPTION_KEYS: string;
  OPS_USERNAME?: string;
  OPS_PASSWORD?: string;
  EGRESS_ALLOW: string[];
  TRUSTED_PROXIES: number | string[];
  RATE_LIMIT_PER_SECOND: number;
  DELIVERY_ENABLED: boolean;
  LOG_LEVEL: string;
  SHUTDOWN_GRACE_MS: number;
}

/** @throws StartError naming each variable that is missing or malformed, never its value */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const variables = readEnv(createSchema(), env);
  const { OPS_USERNAME: username, OPS_PASSWORD: password, HOMING_OPERATOR_KEY: operatorKey } = variables;
  return {
    host: variables.HOST,
    port: variables.PORT,
    databaseUrl: variables.DATABASE_URL,
    redisUrl: variables.REDIS_URL ?? null,
    bootstrapApiKey: variables.HOMING_API_KEY ?? null,
    operatorKeyHash: operatorKey === undefined ? null : hashOperatorKey(operatorKey),
    encryptionKeys: variables.HOMING_ENCRYPTION_KEYS,
    boardLogin: username !== undefined && password !== undefined ? { username, password } : null,
    egressAllow: variables.EGRESS_ALLOW,
    egress: toEgressSettings(variables),
    trustedProxies: variables.TRUSTED_PROXIES,
    rateLimitPerSecond: variables.RATE_LIMIT_PER_SECOND || null,
    deliveryEnabled: variables.DELIVERY_ENABLED,
    logLevel: variables.LOG_LEVEL,
    shutdownGraceMs: variables.SHUTDOWN_GRACE_MS,
  };
}

function createSchema(): Joi.ObjectSchema<Variables> {
  return Joi.object<Variables>({
    HOST: Joi.string().hostname().default("127.0.0.1").messages(must("be a host name or address")),
    PORT: Joi.number().port().default(3000).messages(must("be a port from 0 to 65535")),
    DATABASE_URL: Joi.string()
      .uri({ scheme: ["postgres", "postgresql"] })
      .required()
      .messages(must("be a postgres:// URL")),
    REDIS_URL: Joi.string()
      .uri({ scheme: ["redis", "rediss", /redis(s)?\+(sentinel|cluster)/] })
      .messages(must("be a redis:// or rediss:// URL")),
    HOMING_API_KEY: Joi.string().pattern(API_KEY).messages(must("be hom_ and 28 or more of A-Z a-z 0-9 _ -")),
    HOMING_OPERATOR_KEY: Joi.string()
      .pattern(OPERATOR_KEY)
      .messages(must("be 32 to 256 visible ASCII characters that do not begin with hom_ or homp_")),
    HOMING_ENCRYPTION_KEYS: Joi.string()
      .pattern(ENCRYPTION_KEYS)
      .required()
      .messages(must("be a comma-separated list of id:base64")),
    OPS_USERNAME: Joi.string(),
    OPS_PASSWORD: Joi.string(),
    EGRESS_ALLOW: Joi.string().custom(toCidrs).default([]).messages(must("be a comma-separated list of CIDRs")),
    TRUSTED_PROXIES: Joi.string()
      .custom(toProxies)
      .default(0)
      .messages(must("be a number of proxies or a comma-separated list of CIDRs")),
    RATE_LIMIT_PER_SECOND: Joi.number().integer().min(0).max(1_000_000).default(0),
    ...egressVariables(),
    DELIVERY_ENABLED: Joi.boolean().default(true),
    LOG_LEVEL: Joi.string()
      .valid(...LOG_LEVELS)
      .default("info"),
    SHUTDOWN_GRACE_MS: Joi.number().integer().min(0).max(600_000).default(20_000),
  })
    .and("OPS_USERNAME", "OPS_PASSWORD")
    .messages({ "object.and": "OPS_USERNAME and OPS_PASSWORD must be set together" });
}

function toCidrs(text: string): string[] {
  const cidrs = text.split(",").map((cidr) => cidr.trim());
  return Joi.attempt(cidrs, Joi.array().items(Joi.string().ip({ cidr: "required" })));
}

function toProxies(text: string): number | string[] {
  return /^\d{1,2}$/.test(text) ? Number(text) : toCidrs(text);
}

// The library's own texts repeat the value.
function must(demand: string): Record<string, string> {
  const text = `{{#label}} must ${demand}`;
  const codes = ["any.custom", "string.pattern.base", "string.uri", "string.uriCustomScheme", "string.hostname"];
  return Object.fromEntries([...codes, "number.base", "number.port", "number.unsafe"].map((code) => [code, text]));
}

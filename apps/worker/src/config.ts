import { type EgressSettings, type EgressVariables, egressVariables, toEgressSettings } from "@homing/egress/variables";
import { readEnv } from "@homing/runtime/env";
import Joi from "joi";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];
const DAY_MS = 24 * 60 * 60 * 1000;

/** What a worker process is told by its environment. */
export interface Config {
  databaseUrl: string;
  /** null: the queue is kept in Postgres */
  redisUrl: string | null;
  /** `id:base64` pairs, comma-separated. */
  encryptionKeys: string;
  /** CIDRs that webhooks may reach though they are not public. */
  egressAllow: string[];
  /** What else decides where requests go. */
  egress: EgressSettings;
  /** false: nothing is taken from the queue and nothing handed to it. */
  deliveryEnabled: boolean;
  /** Attempts under way at once in this process, beside those that stand aside. */
  concurrency: number;
  /** Off only to measure what it is worth. */
  isIsolating: boolean;
  health: { host: string; port: number };
  retentionMs: number;
  logLevel: string;
  shutdownGraceMs: number;
}

interface Variables extends EgressVariables {
  DATABASE_URL: string;
  REDIS_URL?: string;
  HOMING_ENCRYPTION_KEYS: string;
  EGRESS_ALLOW: string;
  DELIVERY_ENABLED: boolean;
  WORKER_CONCURRENCY: number;
  WORKER_ISOLATION: boolean;
  WORKER_HEALTH_HOST: string;
  WORKER_HEALTH_PORT: number;
  RETENTION_DAYS: number;
  LOG_LEVEL: string;
  SHUTDOWN_GRACE_MS: number;
}

const schema = () =>
  Joi.object<Variables>({
    DATABASE_URL: Joi.string().required(),
    REDIS_URL: Joi.string(),
    HOMING_ENCRYPTION_KEYS: Joi.string().required(),
    EGRESS_ALLOW: Joi.string().allow("").default(""),
    ...egressVariables(),
    DELIVERY_ENABLED: Joi.boolean().default(true),
    WORKER_CONCURRENCY: Joi.number().integer().min(1).max(10_000).default(200),
    WORKER_ISOLATION: Joi.boolean().default(true),
    WORKER_HEALTH_HOST: Joi.string().hostname().default("127.0.0.1"),
    WORKER_HEALTH_PORT: Joi.number().port().default(3001),
    RETENTION_DAYS: Joi.number().integer().min(1).max(3650).default(30),
    LOG_LEVEL: Joi.string()
      .valid(...LOG_LEVELS)
      .default("info"),
    SHUTDOWN_GRACE_MS: Joi.number().integer().min(0).max(600_000).default(20_000),
  });

/** @throws StartError naming each variable that is missing or malformed, never its value */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const variables = readEnv(schema(), env);
  return {
    databaseUrl: variables.DATABASE_URL,
    redisUrl: variables.REDIS_URL ?? null,
    encryptionKeys: variables.HOMING_ENCRYPTION_KEYS,
    egressAllow: variables.EGRESS_ALLOW.split(",")
      .map((cidr) => cidr.trim())
      .filter((cidr) => cidr !== ""),
    egress: toEgressSettings(variables),
    deliveryEnabled: variables.DELIVERY_ENABLED,
    concurrency: variables.WORKER_CONCURRENCY,
    isIsolating: variables.WORKER_ISOLATION,
    health: { host: variables.WORKER_HEALTH_HOST, port: variables.WORKER_HEALTH_PORT },
    retentionMs: variables.RETENTION_DAYS * DAY_MS,
    logLevel: variables.LOG_LEVEL,
    shutdownGraceMs: variables.SHUTDOWN_GRACE_MS,
  };
}

/**
 * All that the audit is told.
 * @throws StartError when DATABASE_URL is missing
 */
export function readDatabaseUrl(env: NodeJS.ProcessEnv = process.env): string {
  const variables = Joi.object<Pick<Variables, "DATABASE_URL">>({ DATABASE_URL: Joi.string().required() });
  return readEnv(variables, env).DATABASE_URL;
}

/**
 * All that the re-encryption of what is sealed is told.
 * @throws StartError when one of the two is missing
 */
export function readSealedConfig(env: NodeJS.ProcessEnv = process.env): Pick<Config, "databaseUrl" | "encryptionKeys"> {
  const variables = readEnv(
    Joi.object<Pick<Variables, "DATABASE_URL" | "HOMING_ENCRYPTION_KEYS">>({
      DATABASE_URL: Joi.string().required(),
      HOMING_ENCRYPTION_KEYS: Joi.string().required(),
    }),
    env,
  );
  return { databaseUrl: variables.DATABASE_URL, encryptionKeys: variables.HOMING_ENCRYPTION_KEYS };
}

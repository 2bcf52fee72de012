import { readEnv } from "@homing/runtime/env";
import { StartError } from "@homing/runtime/start-error";
import Joi from "joi";

const LOOPBACK = "127.0.0.1";
const EVERY_ADDRESS = new Map([
  ["0.0.0.0", LOOPBACK],
  ["::", "::1"],
]);

/** What `npm start` itself needs to know; API and worker read the rest of the environment themselves. */
export interface StartConfig {
  host: string;
  port: number;
  workerHealth: { host: string; port: number };
  /** null: an embedded Postgres is started */
  databaseUrl: string | null;
  redisUrl: string | null;
  /** How long API and worker take at most to stop. */
  shutdownGraceMs: number;
  /** Handed on to API and worker. */
  environment: NodeJS.ProcessEnv;
}

interface Variables {
  HOST: string;
  PORT: number;
  WORKER_HEALTH_HOST: string;
  WORKER_HEALTH_PORT: number;
  DATABASE_URL?: string;
  REDIS_URL?: string;
  SHUTDOWN_GRACE_MS: number;
}

/** @throws StartError naming each variable that is malformed, never its value */
export function readConfig(env: NodeJS.ProcessEnv = process.env): StartConfig {
  const variables = readEnv(createSchema(), env);
  if (variables.PORT === variables.WORKER_HEALTH_PORT) {
    throw new StartError(`configuration: PORT and WORKER_HEALTH_PORT are both ${variables.PORT}`);
  }
  return {
    host: variables.HOST,
    port: variables.PORT,
    workerHealth: { host: variables.WORKER_HEALTH_HOST, port: variables.WORKER_HEALTH_PORT },
    databaseUrl: variables.DATABASE_URL ?? null,
    redisUrl: variables.REDIS_URL ?? null,
    shutdownGraceMs: variables.SHUTDOWN_GRACE_MS,
    environment: env,
  };
}

/** Where a process on this machine reaches a server that listens on `host`. */
export function localUrl(host: string, port: number): string {
  const address = EVERY_ADDRESS.get(host) ?? host;
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function createSchema(): Joi.ObjectSchema<Variables> {
  return Joi.object<Variables>({
    HOST: hostVariable(),
    PORT: portVariable(3000),
    WORKER_HEALTH_HOST: hostVariable(),
    WORKER_HEALTH_PORT: portVariable(3001),
    DATABASE_URL: Joi.string()
      .uri({ scheme: ["postgres", "postgresql"] })
      .messages(must("be a postgres:// URL")),
    REDIS_URL: Joi.string().uri().messages(must("be a redis:// or rediss:// URL")),
    SHUTDOWN_GRACE_MS: Joi.number().integer().min(0).max(600_000).default(20_000).messages(must("be 0 to 600000")),
  });
}

function hostVariable(): Joi.StringSchema {
  return Joi.string().hostname().default(LOOPBACK).messages(must("be a host name or address"));
}

function portVariable(byDefault: number): Joi.NumberSchema {
  return Joi.number().integer().min(1).max(65_535).default(byDefault).messages(must("be a port from 1 to 65535"));
}

// The library's own texts repeat the value.
function must(demand: string): Record<string, string> {
  const codes = ["string.uri", "string.uriCustomScheme", "string.hostname"];
  const numbers = ["number.base", "number.integer", "number.min", "number.max", "number.unsafe"];
  return Object.fromEntries([...codes, ...numbers].map((code) => [code, `{{#label}} must ${demand}`]));
}

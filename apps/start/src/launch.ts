import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type LocalPostgres, startPostgres } from "@homing/local/postgres";
import type { Lifecycle } from "@homing/runtime/lifecycle";
import { StartError } from "@homing/runtime/start-error";
import { type StartConfig, localUrl } from "./config.js";
import { greet } from "./greeting.js";
import { takeLock } from "./lock.js";
import { requireBuilt, requireFreePort, requireReachable } from "./preflight.js";
import { type Service, type ServiceName, requireReady, startService } from "./service.js";
import { type Settings, keepSettings } from "./settings.js";

const POSTGRES_PORT = 5432;
const REDIS_PORT = 6379;
const LOOPBACK_CIDRS = "127.0.0.0/8,::1/128";
// API and worker end themselves when their grace period is over; this is for one that hangs.
const KILL_AFTER_GRACE_MS = 5_000;

export interface LaunchOptions {
  config: StartConfig;
  /** Where settings, logs and the embedded Postgres are kept. */
  directory: string;
  scripts: Record<ServiceName, string>;
  print: (line: string) => void;
}

export interface Launched {
  greeting: string;
  /** Resolves with one line when a process that must run has ended by itself. */
  died: Promise<string>;
  kill(): void;
}

/**
 * Starts everything in order, each step registered with `lifecycle` so that it is undone in reverse, also from half way.
 * @throws StartError with one line for its reader
 */
export async function launch(options: LaunchOptions, lifecycle: Lifecycle): Promise<Launched> {
  const { config, directory, scripts, print } = options;
  await mkdir(directory, { recursive: true });
  lifecycle.onStop("lock", await takeLock(join(directory, "start.lock")));
  await checkAround(config);
  await requireBuilt(Object.values(scripts));
  const settings = await keepSettings(join(directory, "settings.json"));
  const postgres = config.databaseUrl === null ? await startEmbedded(options, lifecycle) : null;
  const env = childEnvironment(config, { settings, databaseUrl: config.databaseUrl ?? postgres?.url ?? "", print });
  await migrate("migrate", { ...options, env }, lifecycle);
  await migrate("migrate queue", { ...options, env }, lifecycle);
  const services = await startServices({ ...options, env }, lifecycle);
  const deaths = services.map((service) => service.ended.then(({ reason }) => reason));
  if (postgres) deaths.push(postgres.exited.then((how) => `Postgres: ended unexpectedly (${how})`));
  const isElsewhere = postgres !== null && !postgres.directory.startsWith(resolve(directory));
  const greeting = greet({
    url: localUrl(config.host, config.port),
    apiKey: env["HOMING_API_KEY"] ?? "",
    operatorKey: env["HOMING_OPERATOR_KEY"] ?? "",
    operator: { username: env["OPS_USERNAME"] ?? "", password: env["OPS_PASSWORD"] ?? "" },
    directory,
    postgresDirectory: isElsewhere ? postgres.directory : postgres && join(directory, "postgres"),
    hasRedis: config.redisUrl !== null,
  });
  return { greeting, died: Promise.race(deaths), kill: () => killAll(services) };
}

function killAll(services: Service[]): void {
  for (const service of services) service.kill();
}

async function checkAround(config: StartConfig): Promise<void> {
  await requireFreePort("PORT", config.host, config.port);
  await requireFreePort("WORKER_HEALTH_PORT", config.workerHealth.host, config.workerHealth.port);
  if (config.databaseUrl !== null) await requireReachable("DATABASE_URL", config.databaseUrl, POSTGRES_PORT);
  if (config.redisUrl !== null) await requireReachable("REDIS_URL", config.redisUrl, REDIS_PORT);
}

async function startEmbedded({ directory, print }: LaunchOptions, lifecycle: Lifecycle): Promise<LocalPostgres> {
  try {
    const postgres = await startPostgres({ directory: join(directory, "postgres"), log: print });
    lifecycle.onStop("Postgres", () => postgres.stop());
    return postgres;
  } catch (error) {
    const why = error instanceof Error ? error.message.trim().split("\n").at(-1) : String(error);
    throw new StartError(`embedded Postgres: ${why}; set DATABASE_URL to use another`);
  }
}

// What the environment sets is never overridden; a variable set to nothing counts as unset, but an empty EGRESS_ALLOW says "nowhere".
function childEnvironment(
  config: StartConfig,
  made: { settings: Settings; databaseUrl: string; print: (line: string) => void },
): NodeJS.ProcessEnv {
  const given = Object.fromEntries(Object.entries(config.environment).filter(([, value]) => value !== ""));
  const isEgressGiven = config.environment["EGRESS_ALLOW"] !== undefined;
  if (!isEgressGiven)
    made.print(`EGRESS_ALLOW is not set: webhooks may reach this machine (${LOOPBACK_CIDRS}), for development`);
  return {
    ...(isEgressGiven ? {} : { EGRESS_ALLOW: LOOPBACK_CIDRS }),
    ...made.settings,
    ...given,
    HOST: config.host,
    PORT: String(config.port),
    WORKER_HEALTH_HOST: config.workerHealth.host,
    WORKER_HEALTH_PORT: String(config.workerHealth.port),
    SHUTDOWN_GRACE_MS: String(config.shutdownGraceMs),
    DATABASE_URL: made.databaseUrl,
  };
}

type ChildOptions = LaunchOptions & { env: NodeJS.ProcessEnv };

async function migrate(name: ServiceName, options: ChildOptions, lifecycle: Lifecycle): Promise<void> {
  const service = await startChild(name, options);
  lifecycle.onStop(name, () => service.stop(KILL_AFTER_GRACE_MS));
  const { status, reason } = await service.ended;
  if (status !== 0) throw new StartError(reason);
}

async function startServices(options: ChildOptions, lifecycle: Lifecycle): Promise<Service[]> {
  const { host, port, workerHealth, shutdownGraceMs } = options.config;
  const [api, worker] = await Promise.all([startChild("api", options), startChild("worker", options)]);
  const services = [api, worker];
  lifecycle.onStop("API and worker", async () => {
    await Promise.all(services.map((service) => service.stop(shutdownGraceMs + KILL_AFTER_GRACE_MS)));
  });
  await Promise.all([
    requireReady(api, `${localUrl(host, port)}/readyz`),
    requireReady(worker, `${localUrl(workerHealth.host, workerHealth.port)}/readyz`),
  ]);
  return services;
}

function startChild(name: ServiceName, options: ChildOptions): Promise<Service> {
  const { directory, scripts, env, print } = options;
  return startService({
    name,
    script: scripts[name],
    env,
    logFile: join(directory, `${name.replace(" ", "-")}.log`),
    print,
  });
}

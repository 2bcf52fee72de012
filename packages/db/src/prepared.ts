import type { SqlDriverAdapter, SqlDriverAdapterFactory, SqlQuery } from "@prisma/driver-adapter-utils";
import { forgetValues } from "./forget-values.js";
import { Prisma } from "./generated/client.js";

const NAME = /^\/\* prepared (\w+) \*\//;

/**
 * What a connection for prepared statements is told. Their plans are made once, for any values: on partitioned tables planning takes
 * longer than the work. A plan that is kept must be right for tables that grow under it, so it goes by the indexes.
 */
export const PREPARED_SETTINGS = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off";

/** The same for the rest of a transaction, as columns of a statement that comes before the prepared one. */
export const KEEP_PLANS = Prisma.sql`
  set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`;

/** The name of a statement that begins with a comment such as `prepared claim`; empty for all others, which are not prepared. */
export function preparedName({ sql }: Pick<SqlQuery, "sql">): string {
  return NAME.exec(sql)?.[1] ?? "";
}

/** An adapter that runs prepared statements on connections of their own, and all else, transactions too, on the usual ones. */
export function withPrepared(
  usual: SqlDriverAdapterFactory,
  prepared: SqlDriverAdapterFactory,
): SqlDriverAdapterFactory {
  return {
    provider: usual.provider,
    adapterName: usual.adapterName,
    connect: async () => join(await usual.connect(), await prepared.connect()),
  };
}

function join(usual: SqlDriverAdapter, prepared: SqlDriverAdapter): SqlDriverAdapter {
  const route = (query: SqlQuery): SqlDriverAdapter => (preparedName(query) === "" ? usual : prepared);
  return {
    provider: usual.provider,
    adapterName: usual.adapterName,
    queryRaw: (query) => forgetValues(query, route(query).queryRaw(query)),
    executeRaw: (query) => forgetValues(query, route(query).executeRaw(query)),
    executeScript: (script) => usual.executeScript(script),
    startTransaction: (isolationLevel) => usual.startTransaction(isolationLevel),
    ...(usual.getConnectionInfo && { getConnectionInfo: usual.getConnectionInfo.bind(usual) }),
    async dispose() {
      await Promise.all([usual.dispose(), prepared.dispose()]);
    },
  };
}

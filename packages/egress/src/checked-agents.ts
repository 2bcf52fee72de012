import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from "node:https";
import type { Duplex } from "node:stream";
import {
  type DialRules,
  noPlainHttp,
  refusalOf,
  resolveAllowed,
  type TlsSettings,
  toLookupFunction,
  VERIFYING,
} from "./dial.js";
import { createProxyAgents } from "./proxy-agents.js";

/** Below the 5 s after which common servers close an idle connection, so that a reused one is rarely dead. */
const IDLE_TIMEOUT_MS = 4000;
/** Node's default of 250 ms gives up on far hosts that have several addresses. */
const CONNECT_NEXT_ADDRESS_MS = 1000;
const REFUSED_HOST = "refused.invalid";

export interface CheckedAgentsOptions extends DialRules {
  /** The HTTP proxy that is asked for every connection; null: none is. */
  proxy: string | null;
  /** Open connections of all agents that share it: beyond `max` of them a finished one is closed instead of kept. */
  open: OpenConnections;
  tls: TlsSettings;
}

export interface OpenConnections {
  count: number;
  max: number;
}

export interface CheckedAgents {
  http: HttpAgent;
  https: HttpsAgent;
  /** Closes what is idle now, and what is in use as soon as it is not. */
  retire(): void;
  /** Closes everything. */
  destroy(): void;
}

/**
 * Keep-alive agents that check the very address and port they dial, literals and resolved names alike, so that a DNS answer which
 * changes after any earlier check changes nothing. They know no proxies but the operator's, which is asked for the address that was checked.
 */
export function createCheckedAgents(options: CheckedAgentsOptions): CheckedAgents {
  const common = { keepAlive: true, timeout: IDLE_TIMEOUT_MS };
  const agents =
    options.proxy === null
      ? createDirectAgents(options, { ...common, autoSelectFamilyAttemptTimeout: CONNECT_NEXT_ADDRESS_MS })
      : createProxyAgents({ ...options, proxy: options.proxy }, common);
  const state = { isRetired: false };
  for (const agent of [agents.http, agents.https]) {
    countConnections(agent, options.open);
    const keep = agent.keepSocketAlive.bind(agent);
    // Node reads the answer, though its types say void: false closes the connection.
    agent.keepSocketAlive = (socket) =>
      state.isRetired || options.open.count > options.open.max ? false : keep(socket);
  }
  return {
    ...agents,
    retire() {
      state.isRetired = true;
      for (const agent of [agents.http, agents.https]) {
        for (const socket of Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])) socket.destroy();
      }
    },
    destroy() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

type Agents = Pick<CheckedAgents, "http" | "https">;

function createDirectAgents(options: CheckedAgentsOptions, common: AgentOptions & HttpsAgentOptions): Agents {
  const shared = { ...common, lookup: toLookupFunction((hostname) => resolveAllowed(options, hostname)) };
  const agents = { http: new HttpAgent(shared), https: new HttpsAgent({ ...shared, ...VERIFYING, ...options.tls }) };
  for (const agent of [agents.http, agents.https]) {
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (target, callback) => {
      // `lookup` is never called for a literal. A refused one takes the path of a failed lookup, which every layer
      // cleans up after; failing in here would leave an entry in the agent's table of sockets for ever.
      const refusal = agent === agents.http && options.httpsOnly ? noPlainHttp() : refusalOf(options, target);
      const failing = { host: REFUSED_HOST, lookup: toLookupFunction(() => Promise.reject(refusal)) };
      return connect(refusal === null ? target : { ...target, ...failing }, callback);
    };
  }
  return agents;
}

function countConnections(agent: HttpAgent, open: OpenConnections): void {
  const connect = agent.createConnection.bind(agent);
  const count = (socket: Duplex | null | undefined): void => {
    if (!socket) return;
    open.count += 1;
    socket.once("close", () => {
      open.count -= 1;
    });
  };
  agent.createConnection = (target, callback) => {
    const socket = connect(target, (error, later) => {
      if (error === null) count(later);
      callback?.(error, later);
    });
    count(socket);
    return socket;
  };
}

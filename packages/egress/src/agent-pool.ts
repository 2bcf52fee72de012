import { LRUCache } from "lru-cache";
import { type CheckedAgents, type CheckedAgentsOptions, createCheckedAgents } from "./checked-agents.js";
import type { TlsSettings } from "./dial.js";

/** TLS settings of webhooks that have agents of their own at a time. */
const TLS_AGENTS_MAX = 200;

/** TLS of one webhook. Requests with the same `id` share connections, so it must name whose settings these are, and which. */
export interface RequestTls extends TlsSettings {
  id: string;
}

export interface AgentPool {
  agentsFor(tls: RequestTls | undefined): CheckedAgents;
  destroy(): void;
}

/** One pair of agents for all, and one for each TLS setting, the least used of which are given up; connections are bounded over all of them. */
export function createAgentPool(options: CheckedAgentsOptions): AgentPool {
  const shared = createCheckedAgents(options);
  const own = new LRUCache<string, CheckedAgents>({ max: TLS_AGENTS_MAX, dispose: (agents) => agents.retire() });
  return {
    agentsFor(tls) {
      if (tls === undefined) return shared;
      const kept = own.get(tls.id);
      if (kept !== undefined) return kept;
      const { id, ...settings } = tls;
      const made = createCheckedAgents({ ...options, tls: { ...options.tls, ...settings } });
      own.set(id, made);
      return made;
    },
    destroy() {
      shared.destroy();
      for (const agents of own.values()) agents.destroy();
    },
  };
}

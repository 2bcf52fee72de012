import type { Agent as HttpAgent, AgentOptions } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import { isIPv6 } from "node:net";
import { checkServerIdentity } from "node:tls";
import { HttpProxyAgent, HttpsProxyAgent } from "hpagent";
import { type DialRules, noPlainHttp, refusalOf, resolveOne, type TlsSettings, VERIFYING } from "./dial.js";

/** Of the proxy, to open a connection. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The operator's proxy opened no connection. The message names neither its address nor its credentials: tenants read it. */
class ProxyError extends Error {
  override name = "ProxyError";
  readonly code = "ERR_PROXY";
}

interface ProxyAgentsOptions extends DialRules {
  proxy: string;
  tls: TlsSettings;
}

/**
 * Agents that have every connection, http too, opened by CONNECT. The name is resolved and judged here, and the proxy is asked for the address that
 * was judged, so that it resolves nothing and no answer of DNS can change in between; `Host`, SNI and the certificate's name stay the URL's.
 */
export function createProxyAgents(
  options: ProxyAgentsOptions,
  common: AgentOptions,
): { http: HttpAgent; https: HttpsAgent } {
  const { proxy, tls, httpsOnly } = options;
  const agents = {
    http: new HttpProxyAgent({ ...common, proxy, proxyRequestOptions: VERIFYING }),
    https: new HttpsProxyAgent({ ...common, ...VERIFYING, ...tls, proxy, proxyRequestOptions: VERIFYING }),
  };
  askForChecked(agents.http, options, { isRefused: httpsOnly });
  askForChecked(agents.https, options, { isRefused: false });
  return agents;
}

function askForChecked(agent: HttpAgent, options: ProxyAgentsOptions, { isRefused }: { isRefused: boolean }): void {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (target, callback) => {
    const host = target.host ?? "";
    const answer = (error: Error | null, socket: Parameters<NonNullable<typeof callback>>[1]): void => {
      if (error !== null) forgetEmpty(agent, agent.getName(target));
      callback?.(error, socket);
    };
    const fail = (error: Error): void => {
      // Never read: an error comes with no socket, though the types want one.
      Reflect.apply(answer, null, [error, null]);
    };
    const refusal = isRefused ? noPlainHttp() : refusalOf(options, target);
    if (refusal !== null) {
      process.nextTick(fail, refusal);
      return null;
    }
    const asked = {
      ...target,
      timeout: CONNECT_TIMEOUT_MS,
      // Of the name in the URL; what would be compared otherwise is the address.
      checkServerIdentity: (_address: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
        checkServerIdentity(host, certificate),
    };
    resolveOne(options, host).then((address) => {
      connect({ ...asked, host: isIPv6(address) ? `[${address}]` : address }, (error, socket) => {
        if (error === null) answer(null, socket);
        else fail(new ProxyError(`the operator's proxy opened no connection (${reasonOf(error)})`));
      });
    }, fail);
    return null;
  };
}

/** hpagent's errors hold the status of the proxy's answer in their text; others have a code. */
function reasonOf(error: NodeJS.ErrnoException): string {
  return error.code ?? /\b\d{3}\b/.exec(error.message)?.[0] ?? "no answer";
}

/** Node leaves an empty entry for each target to which no connection came about. */
function forgetEmpty(agent: HttpAgent, name: string): void {
  if (agent.sockets[name]?.length === 0) Reflect.deleteProperty(agent.sockets, name);
}

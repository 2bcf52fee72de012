import { IncomingMessage, type RequestListener, ServerResponse, type ServerOptions } from "node:http";
import type { Express } from "express";

/** Who answers requests: a function, or an application of Express, which has prototypes for its requests and answers. */
export type Listener = RequestListener & Partial<Pick<Express, "request" | "response">>;

/**
 * Creates the classes of which a server makes its requests and answers, and gives an application of Express their prototypes for its
 * own, which it sets for each request: one that has it from the start is left as it is. A change costs more than all else that Express
 * does with a request, because nothing that V8 learned of earlier ones holds for an object whose prototype was changed
 * (expressjs/express#5998). Of several servers of one application only the last gains by it.
 */
export function createMessageClasses(listener: Listener): Pick<ServerOptions, "IncomingMessage" | "ServerResponse"> {
  const { request, response } = listener;
  if (request === undefined || response === undefined) return {};
  class AppRequest extends IncomingMessage {}
  class AppResponse<Request extends IncomingMessage> extends ServerResponse<Request> {}
  Object.setPrototypeOf(AppRequest.prototype, request);
  Object.setPrototypeOf(AppResponse.prototype, response);
  Object.assign(listener, { request: AppRequest.prototype, response: AppResponse.prototype });
  return { IncomingMessage: AppRequest, ServerResponse: AppResponse };
}

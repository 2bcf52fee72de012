import type { RequestHandler } from "express";
import helmet from "helmet";

// Pages load what this process serves and nothing else, over plain HTTP too: TLS may end before us or not be there.
const PAGE_DIRECTIVES = {
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  fontSrc: ["'self'", "data:"],
  imgSrc: ["'self'", "data:"],
  upgradeInsecureRequests: null,
};

/** For the pages that people open. */
export function securePages(): RequestHandler {
  return helmet({ contentSecurityPolicy: { directives: PAGE_DIRECTIVES } });
}

/** For every answer: what the OWASP cheat sheet on REST asks for, and no headers that mean something to pages only. */
export function secureAnswers(): RequestHandler {
  return helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    xFrameOptions: { action: "deny" },
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    referrerPolicy: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    xPoweredBy: false,
  });
}

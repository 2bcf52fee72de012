import type { RequestHandler } from "express";
import { HEADERS_MAX } from "./http-server.js";
import { refusal } from "./problem.js";

/** Of a path and its query, as they came. */
const URL_CHARS_MAX = 8_192;
const QUERY_PARAMETERS_MAX = 100;

/**
 * Refuses what no route could understand: a URL or a list of headers without measure, and percent-encoding that is not UTF-8.
 * Node and Express would leave out what is beyond their own limits, and the rest would be taken for the whole.
 */
export const refuseUnreadable: RequestHandler = ({ url, rawHeaders }, _res, next) => {
  if (url.length > URL_CHARS_MAX) {
    throw refusal("malformed_request", `The path and query are longer than ${URL_CHARS_MAX} characters.`);
  }
  // Names and values in turn.
  if (rawHeaders.length > 2 * HEADERS_MAX) {
    throw refusal("malformed_request", `The request has more than ${HEADERS_MAX} header fields.`);
  }
  if (url.length > QUERY_PARAMETERS_MAX && url.split("&").length > QUERY_PARAMETERS_MAX) {
    throw refusal("malformed_request", `The query has more than ${QUERY_PARAMETERS_MAX} parameters.`);
  }
  if (url.includes("%") && !isDecodable(url)) {
    throw refusal("malformed_request", "The path or query is not valid percent-encoded UTF-8.");
  }
  next();
};

function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

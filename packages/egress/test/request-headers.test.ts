import { expect, test } from "@jest/globals";
import { isReservedHeader, requestHeaders } from "../src/request-headers.js";

test.each([
  "Accept-Encoding",
  "Alt-Svc",
  "CF-Connecting-IP",
  "Client-IP",
  "Connection",
  "Content-Encoding",
  "Content-Length",
  "Content-Range",
  "Cookie",
  "Early-Data",
  "Expect",
  "Fastly-Client-IP",
  "Forwarded",
  "Host",
  "HTTP2-Settings",
  "Keep-Alive",
  "Max-Forwards",
  "Proxy-Authorization",
  "Proxy-Connection",
  "Proxy-Anything",
  "Sec-Fetch-Site",
  "Set-Cookie",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Transfer_Encoding",
  "True-Client-IP",
  "Upgrade",
  "Via",
  "X-Client-IP",
  "X-Cluster-Client-IP",
  "X-Envoy-Internal",
  "X-Forwarded-For",
  "x_forwarded_for",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-HTTP-Method-Override",
  "X-Original-URL",
  "X-Real-IP",
  "X_Real_IP",
  "X-Rewrite-URL",
])("%s is nobody's to choose, in any case", (name) => {
  for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) expect(isReservedHeader(spelling)).toBe(true);
});

test.each(["Authorization", "X-Api-Key", "X-Token", "Accept", "Traceparent", "X-Tenant", "Content-Language"])(
  "%s may be chosen",
  (name) => expect(isReservedHeader(name)).toBe(false),
);

test("reserved ones are left out of a request, so that what was stored before they were is not sent", () => {
  const headers = requestHeaders({ "X-Forwarded-For": "127.0.0.1", Cookie: "a=b", "X-Token": "t" }, "us");
  expect(headers).toEqual({ "user-agent": "us", "x-token": "t", "accept-encoding": "identity" });
});

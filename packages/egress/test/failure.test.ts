import { expect, test } from "@jest/globals";
import { describeFailure } from "../src/failure.js";

test.each([
  ["ENOTFOUND", "dns"],
  ["EAI_AGAIN", "dns"],
  ["ECONNREFUSED", "refused"],
  ["EHOSTUNREACH", "refused"],
  ["ENETUNREACH", "refused"],
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
  ["HPE_INVALID_CONSTANT", "reset"],
  ["HPE_HEADER_OVERFLOW", "too_large"],
  ["ETIMEDOUT", "timeout"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "tls"],
  ["CERT_HAS_EXPIRED", "tls"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "tls"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "tls"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
  ["EPROTO", "tls"],
  ["ERR_BLOCKED_ADDRESS", "blocked_address"],
  ["ENEVERSEEN", "reset"],
])("the code %s is the outcome %s", (code, outcome) => {
  expect(describeFailure(Object.assign(new Error("it broke"), { code }))).toEqual({
    outcome,
    error: `${code}: it broke`,
  });
});

test("an error is one line of at most 300 characters, whatever a certificate put into it", () => {
  const { error } = describeFailure(Object.assign(new Error(`a\r\nb\0c${"x".repeat(1000)}`), { code: "EPROTO" }));
  expect(error).toMatch(/^EPROTO: a b cx+$/);
  expect(error).toHaveLength(300);
});

test.each([undefined, "text", new Error("no code"), { code: 7 }])("%p without a code is a reset", (failure) => {
  expect(describeFailure(failure)).toMatchObject({ outcome: "reset", error: expect.stringContaining("UNKNOWN") });
});

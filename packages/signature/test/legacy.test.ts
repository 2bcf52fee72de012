import { expect, test } from "@jest/globals";
import { LEGACY_FORMATS, type LegacyFormat, signLegacy } from "../src/legacy.js";

const TIMESTAMP_SECONDS = 1_614_265_330;
const BODY = '{"test": 2432232314}';

const VECTORS: Record<LegacyFormat, { secret: string; headers: Record<string, string> }> = {
  theirstack: {
    secret: "0123456789abcdef",
    headers: {
      "X-TheirStack-Signature-256": "sha256=fde19d5ba93fd5a1c750ad3a98c5b9c8d1dbee574c347be6cc753e72a48b4c47",
    },
  },
  baanx: {
    secret: "whk_0123456789abcdef",
    headers: {
      "X-Timestamp": "1614265330",
      "X-Signature": "ac18bc3011ab90ccbd31aaa8cf516a5e60661b2ab741680630a70da8f4e59936",
    },
  },
  kallima: {
    secret: "whsec_0123456789abcdef",
    headers: {
      "Kallima-Signature": "t=1614265330,v1=518321bcb3a9a3ba29ba2c4dcdd2ee42f982631cc12601a7f405e7d2b83f42db",
    },
  },
  // Made with `openssl dgst -sha256 -hmac`.
  b3os: {
    secret: "0123456789abcdef",
    headers: { "x-b3os-signature": "fde19d5ba93fd5a1c750ad3a98c5b9c8d1dbee574c347be6cc753e72a48b4c47" },
  },
};

test.each(LEGACY_FORMATS)("%s signs as its vector says, for text and for bytes", (format) => {
  const { secret, headers } = VECTORS[format];
  const message = { secret, timestampSeconds: TIMESTAMP_SECONDS };
  expect(signLegacy(format, { ...message, body: BODY })).toEqual(headers);
  expect(signLegacy(format, { ...message, body: Buffer.from(BODY) })).toEqual(headers);
});

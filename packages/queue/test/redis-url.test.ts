import { describe, expect, test } from "@jest/globals";
import { parseRedisUrl, RedisUrlError } from "../src/redis-url.js";

describe("a Redis URL is read as", () => {
  const single = { topology: "single", tls: false, db: 0 };
  const sentinel = { topology: "sentinel", tls: false, db: 0, masterName: "main" };
  const cluster = { topology: "cluster", tls: false, db: 0 };
  const at = (...addresses: [string, number][]) => ({ endpoints: addresses.map(([host, port]) => ({ host, port })) });

  test.each([
    ["redis://cache", { ...single, ...at(["cache", 6379]) }],
    ["redis://127.0.0.1:6380/3", { ...single, ...at(["127.0.0.1", 6380]), db: 3 }],
    ["redis://[::1]:6380", { ...single, ...at(["::1", 6380]) }],
    [" redis://cache/\n", { ...single, ...at(["cache", 6379]) }],
    ["rediss://cache", { ...single, ...at(["cache", 6379]), tls: true }],
    ["redis://ann:s%40fe@cache", { ...single, ...at(["cache", 6379]), username: "ann", password: "s@fe" }],
    ["redis://:a:b@c@cache", { ...single, ...at(["cache", 6379]), password: "a:b@c" }],
    ["redis+sentinel://a/main", { ...sentinel, ...at(["a", 26379]) }],
    ["redis+sentinel://a:1,b:2/main/4", { ...sentinel, ...at(["a", 1], ["b", 2]), db: 4 }],
    [
      "rediss+sentinel://:p@a/main?sentinel_username=u&sentinel_password=s%2B",
      { ...sentinel, ...at(["a", 26379]), tls: true, password: "p", sentinelUsername: "u", sentinelPassword: "s+" },
    ],
    ["redis+cluster://a,b:7001", { ...cluster, ...at(["a", 6379], ["b", 7001]) }],
    ["rediss+cluster://u:p@a", { ...cluster, ...at(["a", 6379]), tls: true, username: "u", password: "p" }],
  ])("%s", (url, target) => {
    expect(parseRedisUrl(url)).toEqual(target);
  });
});

describe("a Redis URL is refused, naming the fault and not the URL:", () => {
  test.each([
    ["", /must start with redis:/],
    ["http://secret", /must start with redis:/],
    ["redis:secret", /must start with redis:/],
    ["redis://", /each host/],
    ["redis://secret:", /each host/],
    ["redis://a b:secret", /each host/],
    ["redis://host:70000", /1 to 65535/],
    ["redis://host:0", /1 to 65535/],
    ["redis://a,b", /several hosts/],
    ["redis://host/secret", /must be a number/],
    ["redis://host/1/2", /must be a number/],
    ["redis://host?family=secret", /parameter family/],
    ["redis://host?sentinel_password=secret", /parameter sentinel_password/],
    ["redis://user:secret%zz@host", /percent sign/],
    ["redis+sentinel://a", /master's name/],
    ["redis+cluster://a/1", /no databases/],
    [`redis+cluster://${"a,".repeat(40)}a`, /more than 32/],
  ])("%s", (url, reason) => {
    const parse = () => parseRedisUrl(url);
    expect(parse).toThrow(RedisUrlError);
    expect(parse).toThrow(reason);
    expect(parse).not.toThrow(/secret|\n/);
  });
});

import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import request, { type Test } from "supertest";
import { createToyApp, KEY } from "./toy.js";

const { app } = createToyApp();
const LIMIT = 256 * 1024;

function echo(type = "application/json"): Test {
  return request(app).post("/v1/toys/echo").set("Authorization", `Bearer ${KEY}`).set("Content-Type", type);
}

function sized(bytes: number): string {
  return `{"payload":"${"x".repeat(bytes - 14)}"}`;
}

test("a payload comes back byte for byte", async () => {
  const payload = '{ "n": 12345678901234567890.10,\n\t"é": [1e400, "\\u0041/\\/" ] }';
  const answer = await echo().send(` { "payload" :  ${payload}  } `);
  expect(answer.text).toBe(payload);
  expect(answer.headers["content-type"]).toBe("application/json");
});

test("a body of the largest size is taken, and one byte more is 413", async () => {
  expect((await echo().send(sized(LIMIT))).status).toBe(200);
  const answer = await echo().send(sized(LIMIT + 1));
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 413, code: "payload_too_large" });
});

test.each([
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
] as const)("%s is inflated, and the limit is on what comes out", async (encoding, compress) => {
  const small = await echo()
    .set("Content-Encoding", encoding)
    .serialize((body) => body)
    .send(compress('{"payload":1}'));
  expect(small.text).toBe("1");
  const bomb = await echo()
    .set("Content-Encoding", encoding)
    .serialize((body) => body)
    .send(compress(sized(50 * LIMIT)));
  expect(bomb.status).toBe(413);
});

test("a body that is not what its content encoding says is 400", async () => {
  for (const body of [Buffer.from("not gzip"), gzipSync('{"payload":1}').subarray(0, 20)]) {
    const answer = await echo()
      .set("Content-Encoding", "gzip")
      .serialize((bytes) => bytes)
      .send(body);
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 400, code: "malformed_request" });
  }
});

test("an unknown content encoding is 415", async () => {
  expect((await echo().set("Content-Encoding", "zip").send('{"payload":1}')).status).toBe(415);
});

test("media types other than JSON in UTF-8 are 415", async () => {
  for (const type of ["text/plain", "application/json; charset=utf-16", "application/jsonx", "x", "text/json"]) {
    const answer = await echo(type).send('{"payload":1}');
    expect({ type, code: answer.body.code }).toEqual({ type, code: "unsupported_media_type" });
  }
  for (const type of ["application/json; charset=UTF-8", "application/cloudevents+json", "Application/JSON"]) {
    expect({ type, status: (await echo(type).send('{"payload":1}')).status }).toEqual({ type, status: 200 });
  }
});

test("a body without a media type is 415", async () => {
  const answer = await request(app)
    .post("/v1/toys/echo")
    .set("Authorization", `Bearer ${KEY}`)
    .unset("Content-Type")
    .serialize((body) => body)
    .send(Buffer.from('{"payload":1}'));
  expect(answer.status).toBe(415);
});

test("invalid JSON and invalid UTF-8 are 400 malformed_json", async () => {
  const broken = ["{", '{"payload":1}x', "{'payload':1}", '{"payload":NaN}', '{"payload":"a\u0000"}', "\ufeff{}"];
  for (const body of [
    ...broken.map((text) => Buffer.from(text)),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from("22eda08022", "hex"),
  ]) {
    const answer = await echo()
      .serialize((bytes) => bytes)
      .send(body);
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 400, code: "malformed_json" });
  }
});

test("a body that is no object, and one that is missing, are 422 on the whole body", async () => {
  for (const body of ["null", "[]", "1", '"text"', ""]) {
    const answer = await echo().send(body);
    expect({ body, status: answer.status }).toEqual({ body, status: 422 });
    expect(answer.body.errors).toEqual([{ in: "body", pointer: "", detail: expect.any(String) }]);
  }
});

function nested(levels: number): string {
  return `{"payload":${"[".repeat(levels)}${"]".repeat(levels)}}`;
}

test("64 levels of nesting are taken, more are 422 even when they fill the body", async () => {
  expect((await echo().send(nested(63))).status).toBe(200);
  for (const levels of [64, 100_000]) {
    const answer = await echo().send(nested(levels));
    expect({ levels, code: answer.body.code }).toEqual({ levels, code: "validation_error" });
  }
});

test("a body of very many members is 422, in the whole", async () => {
  const answer = await request(app)
    .post("/v1/toys/crowd")
    .set("Authorization", `Bearer ${KEY}`)
    .send(`[${"0,".repeat(500_000)}0]`)
    .set("Content-Type", "application/json");
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual([{ in: "body", pointer: "", detail: expect.stringContaining("500000 members") }]);
});

test("of a huge body of nothing but faults only the first is looked for", async () => {
  const members = Array.from({ length: 20_000 }, (_, index) => `"k${index}":1`);
  const answer = await echo().send(`{"payload":1,${members.join()}}`);
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual([{ in: "body", pointer: "/k0", detail: "is not allowed" }]);
});

function wind(): Test {
  return request(app).post("/v1/toys/a/wind").set("Authorization", `Bearer ${KEY}`);
}

test("an optional body counts as an empty object, whatever its media type says", async () => {
  expect((await wind()).body).toEqual({ turns: 3 });
  expect((await wind().set("Content-Type", "application/json").send("")).body).toEqual({ turns: 3 });
  expect((await wind().send({ turns: 5 })).body).toEqual({ turns: 5 });
  expect((await wind().set("Content-Type", "text/plain").send("{}")).status).toBe(415);
});

test("a route's own limit counts", async () => {
  const answer = await request(app)
    .post("/v1/toys/a/wind")
    .set("Authorization", `Bearer ${KEY}`)
    .send({ turns: 5, more: "x".repeat(64) });
  expect(answer.status).toBe(413);
});

function fail(body: string): Test {
  return request(app).post("/v1/failures/not_found").set("Content-Type", "text/plain").send(body);
}

test("a body that nobody asked for is ignored up to the limit", async () => {
  expect((await fail("{ what")).status).toBe(404);
  expect((await fail("x".repeat(LIMIT + 1))).status).toBe(413);
});

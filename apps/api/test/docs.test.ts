import { expect, test } from "@jest/globals";
import request from "supertest";
import { PROBLEM_KINDS } from "../src/problem.js";
import { createToyApp } from "./toy.js";

const { app } = createToyApp();

test("/openapi.json holds every route", async () => {
  const { body, headers } = await request(app)
    .get("/openapi.json")
    .expect(200)
    .expect("Content-Type", /^application\/json/);
  expect(headers["etag"]).toBeUndefined();
  expect(body.openapi).toBe("3.1.1");
  expect(body.paths["/v1/toys"].post.operationId).toBe("createToy");
  expect(body.components.securitySchemes.bearer).toMatchObject({ type: "http", scheme: "bearer" });
});

test("/docs needs nothing but this process, and its policy allows what it needs", async () => {
  const page = await request(app)
    .get("/docs")
    .expect(200)
    .expect("Content-Type", /^text\/html/);
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? "");
  expect(links.length).toBe(4);
  for (const link of links) {
    expect(link).toMatch(/^\/docs\//);
    await request(app).get(link).expect(200);
  }
  expect(page.text).not.toMatch(/<script>|<style>/);
  const policy = page.headers["content-security-policy"];
  expect(policy).toContain("script-src 'self';");
  expect(policy).not.toContain("upgrade-insecure-requests");
});

test("the start script loads this server's document", async () => {
  const script = await request(app)
    .get("/docs/assets/start.js")
    .expect("Content-Type", /javascript/);
  expect(script.text).toContain('"/openapi.json"');
});

test("each problem's type leads to where it is explained", async () => {
  const problem = await request(app).get("/v1/nowhere");
  const [path, anchor] = problem.body.type.split("#");
  const page = await request(app).get(path).expect(200);
  expect(page.text).toContain(`id="${anchor}"`);
  for (const code of Object.keys(PROBLEM_KINDS)) expect(page.text).toContain(`id="${code}"`);
});

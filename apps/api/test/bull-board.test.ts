import { expect, test } from "@jest/globals";
import request, { type Test } from "supertest";
import { createBoard } from "../src/ops/bull-board.js";
import { countLogins } from "./count-logins.js";
import { createToyApp } from "./toy.js";

const OPERATOR = { username: "ops", password: "correct horse: é" };
const { app, lines } = createToyApp({ board: createBoard([], OPERATOR, countLogins({ perNameMax: 1_000_000 })) });

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

const OPEN = basic(OPERATOR.username, OPERATOR.password);

test("without the operator's credential nothing of the board is shown", async () => {
  const wrong = [
    "",
    "Basic",
    "Basic !!!",
    "Bearer x",
    basic("ops", "wrong"),
    basic("", ""),
    basic("opsc", "orrect horse: é"),
  ];
  for (const header of wrong) {
    for (const path of ["/ops/queues", "/ops/queues/api/queues", "/ops/queues/static/js/none.js"]) {
      const answer = await request(app).get(path).set("Authorization", header);
      expect({ header, path, status: answer.status }).toEqual({ header, path, status: 401 });
      expect(answer.headers["www-authenticate"]).toMatch(/^Basic /);
    }
  }
});

test("the operator sees the board, and its own scripts and styles load", async () => {
  const page = await request(app).get("/ops/queues").set("Authorization", OPEN).expect(200);
  expect(page.text).toContain('<base href="/ops/queues/" />');
  expect(page.headers["content-security-policy"]).toContain("script-src 'self'");
  const files = [...page.text.matchAll(/(?:src|href)="(static\/(?:js|css)\/[^"]+)"/g)].map(([, file]) => file);
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) await request(app).get(`/ops/queues/${file}`).set("Authorization", OPEN).expect(200);
  const queues = await request(app).get("/ops/queues/api/queues").set("Authorization", OPEN).expect(200);
  expect(queues.body.queues).toEqual([]);
});

function pauseFrom(site: string): Test {
  const asked = request(app).put("/ops/queues/api/queues/deliveries/pause");
  return asked.set("Authorization", OPEN).set("Sec-Fetch-Site", site);
}

test("another site's page cannot act with the operator's credential", async () => {
  expect((await pauseFrom("cross-site")).status).toBe(403);
  expect((await pauseFrom("same-site")).status).toBe(403);
  expect((await pauseFrom("same-origin")).status).toBe(404);
});

test("the board's requests are logged under its path", async () => {
  await request(app).get("/ops/queues/api/queues?activeQueue=x").set("Authorization", OPEN);
  expect(lines.at(-1)).toMatchObject({ route: "/ops/queues", status: 200, organization_id: null });
});

test("without a board there is no such path", async () => {
  await request(createToyApp().app).get("/ops/queues").set("Authorization", OPEN).expect(404);
});

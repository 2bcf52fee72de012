import { Agent } from "node:http";
import { afterEach, expect, test } from "@jest/globals";
import got from "got";
import { leanRequests } from "../src/lean-requests.js";
import { cleanUp, startHttp } from "./receivers.js";

afterEach(cleanUp);

test("an agent is handed what a request needs, and none of the options that got knows besides", async () => {
  const receiver = await startHttp((request, response) => response.end(request.url));
  const handed: object[] = [];
  class WatchingAgent extends Agent {
    override getName(options: object): string {
      handed.push(options);
      return super.getName(options);
    }
  }
  const agent = { http: new WatchingAgent() };
  const url = `http://127.0.0.1:${receiver.port}/a/b?c=d%20e`;
  const answer = await got.extend({ handlers: [leanRequests] }).post(url, { agent, retry: { limit: 0 } });
  expect(answer.body).toBe("/a/b?c=d%20e");
  expect(handed.length).toBeGreaterThan(0);
  for (const name of ["ecdhCurve", "h2session", "createConnection"]) expect(handed[0]).not.toHaveProperty(name);
});

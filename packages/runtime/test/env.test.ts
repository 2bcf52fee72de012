import { expect, test } from "@jest/globals";
import Joi from "joi";
import { readEnv } from "../src/env.js";
import { StartError } from "../src/start-error.js";

interface Variables {
  PORT: number;
  TOKEN: string;
  LEVEL: string;
}

const schema = Joi.object<Variables>({
  PORT: Joi.number().port().default(3000),
  TOKEN: Joi.string().min(20).required(),
  LEVEL: Joi.string().valid("info", "debug").default("info"),
});

function refusal(env: NodeJS.ProcessEnv): StartError {
  try {
    readEnv(schema, env);
  } catch (error) {
    if (error instanceof StartError) return error;
    throw error;
  }
  throw new Error("the environment was not refused");
}

test("variables are converted, defaults fill in and unknown ones are left out", () => {
  const env = { PORT: "8080", TOKEN: "a-token-that-is-long-enough", HOME: "/somewhere" };
  expect(readEnv(schema, env)).toEqual({ PORT: 8080, TOKEN: "a-token-that-is-long-enough", LEVEL: "info" });
});

test("an empty variable counts as unset", () => {
  expect(readEnv(schema, { PORT: "", TOKEN: "a-token-that-is-long-enough", LEVEL: "" })).toMatchObject({
    PORT: 3000,
    LEVEL: "info",
  });
  expect(refusal({ TOKEN: "" }).message).toBe("configuration: TOKEN is required");
});

test("all faults are named at once, on one line", () => {
  const { message } = refusal({ PORT: "99999", LEVEL: "loud" });
  expect(message).toContain("PORT must be a valid port");
  expect(message).toContain("TOKEN is required");
  expect(message).toContain("LEVEL must be one of");
  expect(message).not.toContain("\n");
});

test("a fault never repeats the value, which may be a secret", () => {
  const { message } = refusal({ TOKEN: "hunter2", PORT: "sesame", LEVEL: "swordfish" });
  expect(message).not.toMatch(/hunter2|sesame|swordfish/);
});

import { afterAll, afterEach, beforeAll } from "@jest/globals";
import { type Installation, type InstallationOptions, startInstallation } from "./installation.js";

const STARTING_MS_MAX = 60_000;

/** One installation for the tests of a block; when one of them fails, the ends of its logs are shown. */
export function useInstallation(options: InstallationOptions): () => Installation {
  let installation: Installation | undefined;
  beforeAll(async () => {
    installation = await startInstallation(options);
  }, STARTING_MS_MAX);
  afterEach(() => {
    if (Reflect.get(globalThis, "hasTestFailed") === true) process.stderr.write(`${installation?.tails()}\n`);
  });
  afterAll(() => installation?.stop(), STARTING_MS_MAX);
  return () => {
    if (installation === undefined) throw new Error("the installation has not been started");
    return installation;
  };
}

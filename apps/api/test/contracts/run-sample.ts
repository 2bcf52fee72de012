import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export type SampleLanguage = "curl" | "JavaScript" | "Python" | "Go";

const run = promisify(execFile);

/** Go compiles net/http when its cache is cold. */
export const RUN_TIMEOUT_MS = 120_000;

/** What a sample needs of the machine; without it its test is skipped. */
const NEEDS: Record<SampleLanguage, string[]> = {
  curl: ["curl", "--version"],
  JavaScript: [process.execPath, "--version"],
  Python: ["python3", "-c", "import requests"],
  Go: ["go", "version"],
};

/** Whether the machine has what samples of a language need. */
export function isRunnable(language: SampleLanguage): boolean {
  const [command = "", ...args] = NEEDS[language];
  return spawnSync(command, args).status === 0;
}

/** Runs a sample as it stands, but that what it prints is printed as JSON; what it printed. */
export async function runSample(language: SampleLanguage, text: string): Promise<string> {
  switch (language) {
    case "curl":
      return (await run("sh", ["-c", `${text} --silent`])).stdout;
    case "JavaScript": {
      const print = "console.log = (value) => process.stdout.write(JSON.stringify(value));";
      return (await run(process.execPath, ["--input-type=module", "-e", `${print}\n${text}`], { env: {} })).stdout;
    }
    case "Python": {
      const print = "import json, sys\nprint = lambda value: json.dump(value, sys.stdout)";
      return (await run("python3", ["-c", `${print}\n${text}`])).stdout;
    }
    case "Go":
      return runGo(text);
    default:
      return language satisfies never;
  }
}

async function runGo(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sample-"));
  try {
    await writeFile(join(folder, "main.go"), text);
    return (await run("go", ["run", join(folder, "main.go")])).stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

import { fileURLToPath } from "node:url";

// Jest for every workspace: ESM TypeScript through swc, packages resolved as Node resolves them (built).
export default {
  testEnvironment: "node",
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2022" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  testTimeout: 30_000,
  reporters: ["default", fileURLToPath(new URL("./jest/tally-reporter.js", import.meta.url))],
};

import { createRequire } from "node:module";
import { dirname } from "node:path";
import express, { type RequestHandler } from "express";
import { createOpenApi } from "./openapi.js";
import { PROBLEM_KINDS } from "./problem.js";
import { securePages } from "./security-headers.js";
import type { Surface } from "./surface.js";

const PATHS = /^\/(?:docs|openapi\.json)/;
const ASSETS = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Homing API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });\n`;

/** `/openapi.json`, `/docs` (Swagger UI from this process's own files) and `/docs/problems`. The document is built once, here. */
export function createDocs(surfaces: readonly Surface[]): RequestHandler {
  const document = JSON.stringify(createOpenApi(surfaces));
  const problems = createProblemsPage();
  const require = createRequire(import.meta.url);
  const assetsPath = dirname(require.resolve("swagger-ui-dist/package.json"));
  const router = express.Router({ caseSensitive: true });
  router.get("/openapi.json", (_req, res) => {
    res.type("application/json").send(document);
  });
  router.use("/docs", securePages());
  router.get("/docs", (_req, res) => {
    res.type("html").send(PAGE);
  });
  router.get("/docs/problems", (_req, res) => {
    res.type("html").send(problems);
  });
  router.get("/docs/assets/start.js", (_req, res) => {
    res.type("text/javascript").send(START);
  });
  for (const asset of ASSETS) {
    router.get(`/docs/assets/${asset}`, (_req, res) => res.sendFile(asset, { root: assetsPath, maxAge: "1d" }));
  }
  // Every request comes by: most need not try each of these paths.
  return (req, res, next) => (PATHS.test(req.path) ? router(req, res, next) : next());
}

function createProblemsPage(): string {
  const rows = Object.entries(PROBLEM_KINDS).map(
    ([code, { status, title }]) => `<dt id="${code}"><code>${code}</code> (${status})</dt><dd>${title}.</dd>`,
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Homing API: problems</title></head>
<body><h1>Problems</h1><dl>
${rows.join("\n")}
</dl></body>
</html>
`;
}

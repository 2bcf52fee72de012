import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";

/** Adds a line to the test's record of what happened in which order. */
export function record(line) {
  appendFileSync(process.env.STAND_IN_RECORD, `${line}\n`);
}

const line = (fields) => `${JSON.stringify(fields)}\n`;

/**
 * A process that behaves as STAND_IN_API or STAND_IN_WORKER says: `refuse` does not start, `slow` stops half a second late, `hang`
 * does not stop at all, `well` does both; each crashes when asked at /crash.
 */
export function standIn(name, port) {
  const behaviour = process.env[`STAND_IN_${name.toUpperCase()}`] ?? "well";
  record(`${name} start ${process.pid}`);
  if (behaviour === "refuse") {
    process.stderr.write(`homing-${name}: cannot start: the moon is missing\n`);
    process.exit(1);
  }
  process.stdout.write(line({ level: 30, message: `${name} is quiet` }));
  process.stdout.write(line({ level: 40, message: `${name} warns`, err: { message: "of rain" } }));

  const server = createServer((request, response) => {
    if (request.url === "/crash") throw new Error(`${name} broke`);
    if (request.url === "/env") response.end(JSON.stringify(process.env));
    else response.writeHead(request.url === "/readyz" ? 200 : 404).end();
  });
  server.listen(port, "127.0.0.1");

  process.on("SIGINT", () => record(`${name} SIGINT`));
  process.on("SIGTERM", () => {
    record(`${name} SIGTERM`);
    if (behaviour === "slow") setTimeout(() => void stop(name), 500);
    else if (behaviour !== "hang") void stop(name);
  });
}

async function stop(name) {
  record(`${name} stop, Postgres ${(await isPostgresUp()) ? "up" : "down"}`);
  process.exit(0);
}

function isPostgresUp() {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(process.env.DATABASE_URL).port), "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  });
}

import { HELP, type ReceiverConfig, readArguments } from "./config.js";
import { createReceiver } from "./receiver.js";

const USAGE_ERROR = 2;

main(process.argv.slice(2));

function main(args: string[]): void {
  const request = readArguments(args);
  switch (request.kind) {
    case "help":
      process.stdout.write(HELP);
      return;
    case "fault":
      process.stderr.write(`receiver: ${request.message} (see --help)\n`);
      process.exitCode = USAGE_ERROR;
      return;
    case "run":
      listen(request.config);
      return;
    default:
      request satisfies never;
  }
}

function listen(config: ReceiverConfig): void {
  const server = createReceiver(config, (text) => process.stdout.write(text));
  server.once("error", (error) => {
    process.stderr.write(`receiver: cannot listen on ${config.host}:${config.port}: ${error.message}\n`);
    process.exitCode = 1;
  });
  server.listen(config.port, config.host, () => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : config.port;
    process.stdout.write(`Waiting for webhooks at http://${config.host}:${port}/ (Ctrl-C ends)\n`);
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
}

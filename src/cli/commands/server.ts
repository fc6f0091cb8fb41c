import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { parsePattern } from "../../remote/audit.ts";
import { UsageError } from "../usage_error.ts";

export const command: Command = {
  usage:
    "-c CERT -k KEY -C CA -a ADDRESS -p PORT [--data-dir DIR] [--crl FILE] [--redact PATTERN]… [--observe-arguments]",
  options: [
    "certificate",
    "key",
    "certificate-authority",
    "address",
    "port",
    "data-dir",
    "crl",
    "redact",
    "observe-arguments",
  ],
  notes: [
    "Prints `listening on URL` when ready. TLS 1.3; a client's certificate must come from the CA and have exactly one OU:",
    "`observe` (status, stream, list) or `control` (also start and stop).",
    "The audit log has a line for each start, stop, read, refusal and failed handshake. What PATTERN (a regular expression)",
    "matches in an argument, or in it and the one before it, is left out: `--redact '--password[= ].*'`.",
    "With --observe-arguments, `observe` sees the arguments of processes, too.",
    "SIGHUP reloads certificate, key, CA and revocation list; existing connections stay open.",
    "SIGTERM and SIGINT stop the processes, send the rest of their output to the readers, and stop the server.",
  ],
  async run({ args, output, log, lastResort }) {
    const settings = {
      certificatePath: args.required("certificate"),
      keyPath: args.required("key"),
      certificateAuthorityPath: args.required("certificate-authority"),
      revocationListPath: args.value("crl"),
      address: args.required("address"),
      port: args.requiredInteger("port", { min: 0, max: 65_535 }),
      dataDir: args.value("data-dir"),
      redact: args.values("redact").map(readPattern),
      observesArguments: args.flag("observe-arguments"),
    };
    const { startServer } = await import("../../app/remote_server.ts");
    const { keepDebuggersOut, waitForStop } = await import("../../app/signals.ts");
    keepDebuggersOut("server", log);
    lastResort.stopInOrder(log);
    const stop = waitForStop("server", lastResort.failed);
    await using server = await startServer(settings, log);
    output.result(`listening on ${server.url}`);
    log.info(`Received ${await stop}, shutting down...`);
    return EXIT.ok;
  },
};

function readPattern(source: string): RegExp {
  try {
    return parsePattern(source);
  } catch {
    throw new UsageError(`--redact must be a regular expression: current value is ${source}`);
  }
}

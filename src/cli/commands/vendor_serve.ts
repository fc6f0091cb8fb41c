import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import type { ParsedArguments } from "../command.ts";
import type { CryptoChoice } from "../../license_server/signatures.ts";
import { UsageError } from "../usage_error.ts";

const DEFAULT_ADDRESS = "127.0.0.1";
const DEFAULT_PORT = 8080;

export const command: Command = {
  usage:
    "--key FILE --database DB [--address A] [--port P] [--tls-cert FILE --tls-key FILE] [--trust-proxy] [--crypto C]",
  options: ["key", "database", "address", "port", "tls-cert", "tls-key", "trust-proxy", "crypto"],
  keeps: ["read", "write", "net", "env", "ffi"],
  guardsKeyOf: "vendor_serve",
  notes: [
    `Listens on ${DEFAULT_ADDRESS} port ${DEFAULT_PORT} by default, and prints \`listening on URL\` when ready.`,
    "SIGTERM and SIGINT stop it after it has answered the requests in flight.",
    "Serves the licenses registered by `sentinel vendor issue --database DB`. Creates the database if it is missing.",
    "Refuses a request body over 1 MiB with status 400.",
  ],
  async run({ args, output, log, clock, lastResort }) {
    const settings = {
      keyPath: args.required("key"),
      database: args.required("database"),
      address: args.value("address") ?? DEFAULT_ADDRESS,
      port: args.integer("port", { min: 0, max: 65_535 }) ?? DEFAULT_PORT,
      tls: readTls(args),
      trustProxy: args.flag("trust-proxy"),
    };
    const { openSignatures } = await import("../../license_server/signatures.ts");
    const crypto = (args.value("crypto") ?? "auto") as CryptoChoice;
    using signatures = await openSignatures(crypto, { log });
    const { keepOnly } = await import("../../app/key_guard.ts");
    keepOnly(["read", "write", "net", "env"]);
    const { startVendorServer } = await import("../../app/vendor.ts");
    const { waitForStop } = await import("../../app/signals.ts");
    lastResort.stopInOrder(log);
    const stop = waitForStop("vendor_serve", lastResort.failed);
    await using server = await startVendorServer({ ...settings, signatures }, { log, clock });
    output.result(`listening on ${server.url}`);
    log.info(`Received ${await stop}, shutting down...`);
    await server.close();
    return EXIT.ok;
  },
};

function readTls(
  args: ParsedArguments,
): { certificatePath: string; keyPath: string } | undefined {
  const certificatePath = args.value("tls-cert"), keyPath = args.value("tls-key");
  if (certificatePath === undefined && keyPath === undefined) return undefined;
  if (certificatePath === undefined || keyPath === undefined) {
    throw new UsageError("--tls-cert and --tls-key must be given together");
  }
  return { certificatePath, keyPath };
}

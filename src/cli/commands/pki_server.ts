import { DAYS_RANGE, describeWritten } from "../certificate_result.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "--ca DIR --out DIR --name HOST [--san NAME|IP]… [--days N] [--csr FILE]",
  options: ["ca", "out", "name", "san", "days", "csr", "json"],
  notes: [
    "Writes server.pem and server.key (0600); refuses to overwrite either. HOST is the name or address that clients",
    "connect to. The time is 90 days where nothing else is said, and never longer than the CA's.",
    "With --csr only server.pem is written. A request that asks for other names than HOST and --san is refused.",
  ],
  async run({ args, output, log }) {
    const order = {
      authorityFolder: args.required("ca"),
      folder: args.required("out"),
      holder: { kind: "server", name: args.required("name"), others: args.values("san") },
      days: args.integer("days", DAYS_RANGE),
      requestPath: args.value("csr"),
    } as const;
    const { writeCertificate } = await import("../../compose_pki.ts");
    const written = await writeCertificate(order, log);
    output.result(describeWritten(written, { json: args.flag("json") }));
    return EXIT.ok;
  },
};

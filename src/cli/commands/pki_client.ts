import { DAYS_RANGE, describeWritten } from "../certificate_result.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { UsageError } from "../usage_error.ts";

export const command: Command = {
  usage: "--ca DIR --out DIR --name CN --role observe|control [--days N] [--csr FILE]",
  options: ["ca", "out", "name", "role", "days", "csr", "json"],
  notes: [
    "Writes client.pem and client.key (0600); refuses to overwrite either. CN names the client in the server's log; the",
    "role lets it observe (status, stream, list) or control (also start and stop) every process of the CA's servers.",
    "The time is 90 days where nothing else is said, and never longer than the CA's.",
    "With --csr only client.pem is written. A request that asks for another CN or OU is refused.",
  ],
  async run({ args, output, log }) {
    const order = {
      authorityFolder: args.required("ca"),
      folder: args.required("out"),
      holder: {
        kind: "client",
        name: args.required("name"),
        role: readRole(args.required("role")),
      },
      days: args.integer("days", DAYS_RANGE),
      requestPath: args.value("csr"),
    } as const;
    const { writeCertificate } = await import("../../compose_pki.ts");
    const written = await writeCertificate(order, log);
    output.result(describeWritten(written, { json: args.flag("json") }));
    return EXIT.ok;
  },
};

function readRole(role: string): "observe" | "control" {
  if (role === "observe" || role === "control") return role;
  throw new UsageError(`--role must be observe or control: current value is ${role}`);
}

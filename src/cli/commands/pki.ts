import type { WrittenCertificate } from "../../app/pki.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

/** Allowed values of `--days`: up to a hundred years. */
const DAYS_RANGE = { min: 1, max: 36_500 };

/** Describes the certificate and key that were written. */
function describeWritten(
  { certificatePath, keyPath, validUntil }: WrittenCertificate,
  { json }: { json: boolean },
): string {
  const until = validUntil.toISOString().replace(".000", "");
  if (json) {
    return JSON.stringify({ certificate: certificatePath, key: keyPath, valid_until: until });
  }
  const lines = [
    `certificate written to ${certificatePath} (valid until ${until.slice(0, 10)} UTC)`,
  ];
  return [...lines, ...(keyPath === undefined ? [] : [`key written to ${keyPath}`])].join("\n");
}

export const pkiCa: Command = {
  usage: "--out DIR [--name CN] [--days N]",
  options: ["out", "name", "days", "json"],
  keeps: ["read", "write", "env"],
  guardsKeyOf: "key_user",
  notes: [
    "Writes ca.pem (for servers and clients) and ca.key (0600; keep it secret and off the servers: with it, anyone can act",
    "as any client). Refuses to overwrite either. The default name is `Sentinel CA`, the default validity 3650 days.",
  ],
  async run({ args, output }) {
    const order = {
      folder: args.required("out"),
      name: args.value("name") ?? "Sentinel CA",
      days: args.integer("days", DAYS_RANGE),
    };
    const { writeAuthority } = await import("../../app/pki.ts");
    output.result(describeWritten(await writeAuthority(order), { json: args.flag("json") }));
    return EXIT.ok;
  },
};

export const pkiClient: Command = {
  usage: "--ca DIR --out DIR --name CN --role observe|control [--days N] [--csr FILE]",
  options: ["ca", "out", "name", "role", "days", "csr", "json"],
  keeps: ["read", "write", "env"],
  guardsKeyOf: "key_user",
  notes: [
    "Writes client.pem and client.key (0600); refuses to overwrite either. CN names the client in the server's log; the",
    "role lets it observe (status, stream, list) or control (also start and stop) every process of the CA's servers.",
    "Valid for 90 days by default, and never longer than the CA.",
    "With --csr, writes client.pem only, and refuses a request for another CN or OU.",
  ],
  async run({ args, output, log }) {
    const order = {
      authorityFolder: args.required("ca"),
      folder: args.required("out"),
      holder: {
        kind: "client",
        name: args.required("name"),
        role: args.required("role"),
      },
      days: args.integer("days", DAYS_RANGE),
      requestPath: args.value("csr"),
    } as const;
    const { writeCertificate } = await import("../../app/pki.ts");
    const written = await writeCertificate(order, log);
    output.result(describeWritten(written, { json: args.flag("json") }));
    return EXIT.ok;
  },
};

export const pkiServer: Command = {
  usage: "--ca DIR --out DIR --name HOST [--san NAME|IP]… [--days N] [--csr FILE]",
  options: ["ca", "out", "name", "san", "days", "csr", "json"],
  keeps: ["read", "write", "env"],
  guardsKeyOf: "key_user",
  notes: [
    "Writes server.pem and server.key (0600); refuses to overwrite either. HOST is the name or address that clients",
    "connect to. Valid for 90 days by default, and never longer than the CA.",
    "With --csr, writes server.pem only, and refuses a request for names other than HOST and --san.",
  ],
  async run({ args, output, log }) {
    const order = {
      authorityFolder: args.required("ca"),
      folder: args.required("out"),
      holder: { kind: "server", name: args.required("name"), others: args.values("san") },
      days: args.integer("days", DAYS_RANGE),
      requestPath: args.value("csr"),
    } as const;
    const { writeCertificate } = await import("../../app/pki.ts");
    const written = await writeCertificate(order, log);
    output.result(describeWritten(written, { json: args.flag("json") }));
    return EXIT.ok;
  },
};

import type { WrittenCertificate } from "../../app/pki.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

/** More is a mistake, or a CA for eternity. */
const MAX_DAYS = 36_500;

/** What `--days` may be. */
const DAYS_RANGE = { min: 1, max: MAX_DAYS };

/** What a command says about certificate and key that it wrote. */
function describeWritten(
  { certificatePath, keyPath, validUntil }: WrittenCertificate,
  { json }: { json: boolean },
): string {
  const until = validUntil.toISOString().replace(".000", "");
  if (json) {
    return JSON.stringify({ certificate: certificatePath, key: keyPath, valid_until: until });
  }
  const lines = [`certificate written to ${certificatePath} (valid until ${until.slice(0, 10)})`];
  return [...lines, ...(keyPath === undefined ? [] : [`key written to ${keyPath}`])].join("\n");
}

export const pkiCa: Command = {
  usage: "--out DIR [--name CN] [--days N]",
  options: ["out", "name", "days", "json"],
  notes: [
    "Writes ca.pem (goes to servers and clients) and ca.key (0600; keep it secret and off the servers: who has it can be",
    "any client). Refuses to overwrite either. The name is `Sentinel CA` and the time 3650 days where nothing else is said.",
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
    const { writeCertificate } = await import("../../app/pki.ts");
    const written = await writeCertificate(order, log);
    output.result(describeWritten(written, { json: args.flag("json") }));
    return EXIT.ok;
  },
};

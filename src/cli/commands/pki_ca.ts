import { DAYS_RANGE, describeWritten } from "../certificate_result.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
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
    const { writeAuthority } = await import("../../compose_pki.ts");
    output.result(describeWritten(await writeAuthority(order), { json: args.flag("json") }));
    return EXIT.ok;
  },
};

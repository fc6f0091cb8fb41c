import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "KEY --database DB",
  options: ["database"],
  operands: { min: 1, max: 1 },
  notes: ["Its machines learn it at their next heartbeat and stop. A revocation is for good."],
  async run({ args, output }) {
    const [licenseKey = ""] = args.operands;
    const database = args.required("database");
    const { administer } = await import("../../compose_vendor.ts");
    await administer("revoke", { database, licenseKey });
    output.result(`license ${licenseKey} is revoked`);
    return EXIT.ok;
  },
};

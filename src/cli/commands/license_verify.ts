import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "FILE [--org-key FILE]",
  options: ["org-key", "json"],
  operands: { min: 1, max: 1 },
  notes: ["Exit status 80 where the license is not valid; the reason is on standard error."],
  async run({ args, output }) {
    const { checkLicenseFile } = await import("../../compose.ts");
    const [path] = args.operands;
    const license = await checkLicenseFile(path!, args.required("org-key"));
    output.result(
      args.flag("json")
        ? JSON.stringify({
          valid: true,
          license_key: license.license_key,
          expiry_date: license.expiry_date,
        })
        : `license is valid: ${license.license_key} (${license.license_type}, until ${license.expiry_date})`,
    );
    return EXIT.ok;
  },
};

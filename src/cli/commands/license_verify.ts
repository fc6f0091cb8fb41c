import { loadValidLicense } from "../../license/load_license.ts";
import { loadOrganizationKey } from "../../license/organization_key.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { organizationKey } from "../organization_key_source.ts";

export const command: Command = {
  usage: "FILE [--org-key FILE]",
  options: ["org-key", "json"],
  operands: { min: 1, max: 1 },
  notes: ["Exit status 80 where the license is not valid; the reason is on standard error."],
  async run(context) {
    const { args, output, clock, build: { softwareId } } = context;
    const license = await loadValidLicense(args.operands[0]!, {
      verify: await loadOrganizationKey(organizationKey(context)),
      wallMs: clock.wallMs(),
      softwareId,
    });
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

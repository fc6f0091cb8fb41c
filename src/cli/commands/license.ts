import { escapeControls } from "../../core/text.ts";
import { loadLicense, loadValidLicense } from "../../license/license_file.ts";
import { loadOrganizationKey } from "../../license/organization_key.ts";
import type { License } from "../../license/payload.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { requireOrganizationKey } from "../organization_key_source.ts";

export const licenseShow: Command = {
  usage: "FILE [--org-key FILE]",
  options: ["org-key", "json"],
  operands: { min: 1, max: 1 },
  notes: [
    "Shows expired licenses too, but none without a valid signature by the organization.",
  ],
  async run(context) {
    const { args, output } = context;
    const verify = await loadOrganizationKey(requireOrganizationKey(context));
    const license = await loadLicense(args.operands[0]!, verify);
    output.result(args.flag("json") ? JSON.stringify(license) : formatTable(license));
    return EXIT.ok;
  },
};

/** Fields that are dates. */
const DATES: ReadonlySet<string> = new Set(["issue_date", "expiry_date"]);

function formatTable(license: License): string {
  const rows = Object.entries(license).filter(([, value]) => value !== undefined);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) =>
    escapeControls(
      `${name.padEnd(width)}  ${typeof value === "object" ? JSON.stringify(value) : value}` +
        (DATES.has(name) ? " UTC" : ""),
    )
  ).join("\n");
}

export const licenseVerify: Command = {
  usage: "FILE [--org-key FILE]",
  options: ["org-key", "json"],
  operands: { min: 1, max: 1 },
  notes: ["Exit status 80 if the license is not valid; standard error says why."],
  async run(context) {
    const { args, output, clock, build: { softwareId } } = context;
    const license = await loadValidLicense(args.operands[0]!, {
      verify: await loadOrganizationKey(requireOrganizationKey(context)),
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
        : `license is valid: ${escapeControls(license.license_key)} ` +
          `(${license.license_type}, until ${license.expiry_date} UTC)`,
    );
    return EXIT.ok;
  },
};

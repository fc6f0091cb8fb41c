import { escapeControls } from "../../core/text.ts";
import { loadLicense, loadValidLicense } from "../../license/license_file.ts";
import { loadOrganizationKey } from "../../license/organization_key.ts";
import type { License } from "../../license/payload.ts";
import type { LicenseSource } from "../../license/license_source.ts";
import type { Command, ParsedArguments } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { findLicense, LICENSE_SOURCES } from "../run_options.ts";
import { UsageError } from "../usage_error.ts";
import { requireOrganizationKey } from "../organization_key_source.ts";

/** @throws {UsageError} if neither a file is named nor the variable set. */
function chooseLicense(args: ParsedArguments): LicenseSource {
  const license = findLicense(args, args.operands[0]);
  if (license !== undefined) return license;
  throw new UsageError("an argument is missing (see --help)");
}

export const licenseShow: Command = {
  usage: "[FILE] [--org-key FILE]",
  options: ["org-key", "json"],
  keeps: ["read", "env"],
  operands: { min: 0, max: 1 },
  notes: [
    LICENSE_SOURCES,
    "Shows expired licenses too, but none without a valid signature by the organization.",
  ],
  async run(context) {
    const { args, output, clock } = context;
    const verify = await loadOrganizationKey(requireOrganizationKey(context));
    const { license } = await loadLicense(chooseLicense(args), { verify, clock });
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
  usage: "[FILE] [--org-key FILE]",
  options: ["org-key", "json"],
  keeps: ["read", "env"],
  operands: { min: 0, max: 1 },
  notes: [LICENSE_SOURCES, "Exit status 80 if the license is not valid; standard error says why."],
  async run(context) {
    const { args, output, clock, build: { softwareId } } = context;
    const { license } = await loadValidLicense(chooseLicense(args), {
      clock,
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

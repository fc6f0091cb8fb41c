import type { LicenseListing } from "../../vendor/list.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "[KEY] --database DB",
  options: ["database", "json"],
  operands: { min: 0, max: 1 },
  notes: ["With KEY only that licence. Machines that were decommissioned do not count as used."],
  async run({ args, output }) {
    const database = args.required("database");
    const { listLicenses } = await import("../../compose_vendor.ts");
    const listings = await listLicenses(database, args.operands[0]);
    if (args.flag("json")) output.result(JSON.stringify({ licenses: listings }, undefined, 2));
    else if (listings.length === 0) output.result("no licenses");
    else output.result(listings.flatMap(describe).join("\n"));
    return EXIT.ok;
  },
};

function describe(listing: LicenseListing): string[] {
  const { license_key, software_id, status, expiry_date, active_machines, max_machines } = listing;
  return [
    `${license_key}  ${status}  ${software_id}  expires ${expiry_date}  ` +
    `machines ${active_machines}/${max_machines}`,
    ...listing.machines.map(({ machine_id, status, platform, last_seen_at }) =>
      `  ${machine_id}  ${status}  ${platform}  last seen ${last_seen_at}`
    ),
  ];
}

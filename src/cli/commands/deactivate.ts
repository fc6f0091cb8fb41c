import { escapeControls } from "../../core/text.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { requireOrganizationKey } from "../organization_key_source.ts";
import {
  applyOptions,
  LICENSE_SOURCES,
  readLicenseRequest,
  requireLicense,
} from "../run_options.ts";

export const command: Command = {
  usage: "--license FILE [options]",
  options: ["license", "server-url", "state-dir", "org-key", "ca-file", "config", "json"],
  notes: [
    "Tells the license server that this machine no longer needs the license, so that another one can be activated, and",
    "forgets the license's state. Stop the software first, and run this as its user, with the same --state-dir.",
    LICENSE_SOURCES,
    "Without the server nothing is changed. The next run activates the machine again, if a place is free.",
    "Exit statuses: 0, 2 if the license is not activated here, 81 if the vendor forbids it, 82 if the server is not",
    "reached, 85 while the software runs.",
  ],
  async run(context) {
    const { args, config, output } = context;
    const { license, ...others } = applyOptions(args, config?.config);
    const request = {
      ...readLicenseRequest(context, { license, ...others }),
      license: requireLicense(args, license.path),
      orgKey: requireOrganizationKey(context),
    };
    const { composeDeactivation } = await import("../../app/run.ts");
    const { licenseKey, machineId } = await composeDeactivation(request, context);
    output.result(
      args.flag("json")
        ? JSON.stringify({ license_key: licenseKey, machine_id: machineId })
        : escapeControls(`license ${licenseKey} is no longer activated on this machine`),
    );
    return EXIT.ok;
  },
};

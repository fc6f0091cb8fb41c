import { uninstallService } from "../../daemon/service_place.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { serviceTarget, targetPath } from "../service_target.ts";

export const command: Command = {
  usage: "systemd|launchd --config FILE [--out DIR]",
  options: ["config", "org-key", "out"],
  operands: { min: 1, max: 1 },
  notes: [
    "Stop the service first: `systemctl disable --now NAME`, `launchctl bootout system/NAME`.",
  ],
  async run(context) {
    const path = targetPath(context, await serviceTarget(context));
    context.output.result(
      await uninstallService(path) ? `${path} removed` : `${path} is not there`,
    );
    return EXIT.ok;
  },
};

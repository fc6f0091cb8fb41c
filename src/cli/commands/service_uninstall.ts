import { SERVICE_KINDS, windowsServiceName } from "../../daemon/service_file.ts";
import { uninstallService } from "../../daemon/service_place.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { serviceTarget, systemServices, targetPath } from "../service_target.ts";

export const command: Command = {
  usage: "systemd|launchd|windows --config FILE [--out DIR]",
  options: ["config", "org-key", "service-name", "out"],
  operands: { min: 1, max: 1, words: SERVICE_KINDS },
  notes: [
    "Stop the service first: `systemctl disable --now NAME`, `launchctl bootout system/NAME`,",
    "`sc.exe stop NAME`.",
  ],
  async run(context) {
    const target = await serviceTarget(context);
    const services = await systemServices(context, target);
    if (services !== undefined) {
      const { uninstallWindowsService } = await import("../../daemon/windows_service.ts");
      const wasThere = await uninstallWindowsService(target.service, services);
      return tell(context, `service ${windowsServiceName(target.service)}`, wasThere);
    }
    const path = targetPath(context, target);
    return tell(context, path, await uninstallService(path, target.service.configPath));
  },
};

function tell({ output }: CommandContext, what: string, wasThere: boolean): number {
  output.result(`${what} ${wasThere ? "removed" : "is not there"}`);
  return EXIT.ok;
}

import { SERVICE_KINDS, serviceFile, windowsServiceName } from "../../daemon/service_file.ts";
import { commandForFolders } from "../../daemon/service_folders.ts";
import { installService } from "../../daemon/service_place.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { serviceTarget, systemServices, targetPath } from "../service_target.ts";

export const command: Command = {
  usage: "systemd|launchd|windows --config FILE [--org-key FILE] [--service-name NAME] [--out DIR]",
  options: ["config", "org-key", "service-name", "out"],
  operands: { min: 1, max: 1, words: SERVICE_KINDS },
  notes: [
    "Needs root, unless --out names another folder than the service manager's. A service of the same name is",
    "replaced only if it was made by this command for this configuration, or for one that is not there any more:",
    "name a second one of the same software (--service-name). On Windows an administrator's sc.exe is run.",
  ],
  async run(context) {
    const target = await serviceTarget(context);
    const services = await systemServices(context, target);
    if (services !== undefined) {
      const { installWindowsService } = await import("../../daemon/windows_service.ts");
      const next = await installWindowsService(target.service, services);
      context.output.result(
        `service ${windowsServiceName(target.service)} installed\nnext: ${next}`,
      );
      return EXIT.ok;
    }
    const path = targetPath(context, target);
    const text = serviceFile(target.kind, target.service);
    const { configPath } = target.service;
    const next = await installService(target.kind, { path, text, configPath });
    // one that is written elsewhere may be for another machine
    const isForHere = context.args.value("out") === undefined;
    const first = isForHere ? await commandForFolders(target.service) : undefined;
    context.output.result(`${path} written\nnext: ${first ? `${first} && ` : ""}${next}`);
    return EXIT.ok;
  },
};

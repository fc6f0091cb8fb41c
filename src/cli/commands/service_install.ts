import { SERVICE_KINDS, serviceFile, windowsServiceName } from "../../daemon/service_file.ts";
import { commandForFolders } from "../../daemon/service_folders.ts";
import { installService } from "../../daemon/service_place.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { serviceTarget, systemServices, targetPath } from "../service_target.ts";

export const command: Command = {
  usage: "systemd|launchd|windows --config FILE [--org-key FILE] [--out DIR]",
  options: ["config", "org-key", "out"],
  operands: { min: 1, max: 1, words: SERVICE_KINDS },
  notes: [
    "Needs root, unless --out names another folder than the service manager's. A file of the same name is",
    "replaced only if it was written by this command. On Windows an administrator's sc.exe is run.",
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
    const next = await installService(target.kind, { path, text });
    // one that is written elsewhere may be for another machine
    const isForHere = context.args.value("out") === undefined;
    const first = isForHere ? await commandForFolders(target.service) : undefined;
    context.output.result(`${path} written\nnext: ${first ? `${first} && ` : ""}${next}`);
    return EXIT.ok;
  },
};

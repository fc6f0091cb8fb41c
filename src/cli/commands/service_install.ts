import { serviceFile } from "../../daemon/service_file.ts";
import { installService } from "../../daemon/service_place.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { serviceTarget, targetPath } from "../service_target.ts";

export const command: Command = {
  usage: "systemd|launchd --config FILE [--org-key FILE] [--out DIR]",
  options: ["config", "org-key", "out"],
  operands: { min: 1, max: 1 },
  notes: [
    "Needs root, unless --out names another folder than the service manager's. A file of the same name is",
    "replaced only if it was written by this command.",
  ],
  async run(context) {
    const target = await serviceTarget(context);
    const path = targetPath(context, target);
    const text = serviceFile(target.kind, target.service);
    const next = await installService(target.kind, { path, text });
    context.output.result(`${path} written\nnext: ${next}`);
    return EXIT.ok;
  },
};

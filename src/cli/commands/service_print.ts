import { SERVICE_KINDS, serviceFile } from "../../daemon/service_file.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { serviceTarget } from "../service_target.ts";

export const command: Command = {
  usage: "systemd|launchd|windows --config FILE [--org-key FILE] [--service-name NAME]",
  options: ["config", "org-key", "service-name"],
  operands: { min: 1, max: 1, words: SERVICE_KINDS },
  notes: [
    "The definition runs `daemon start --foreground` with this configuration, as [process] user and group,",
    "and may write only where the configuration says. Folders that it names must be there.",
  ],
  async run(context) {
    const { kind, service } = await serviceTarget(context);
    context.output.result(serviceFile(kind, service).trimEnd());
    return EXIT.ok;
  },
};

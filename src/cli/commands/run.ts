import type { Command } from "../command.ts";
import { getSupervisionSettings } from "../../daemon/settings.ts";
import { applyOptions, LICENSE_SOURCES, readRunRequest, warnOfNoEffect } from "../run_options.ts";

export const command: Command = {
  usage: "--license FILE --software FILE [options] [-- ARG…]",
  options: [
    ...["license", "software", "server-url", "state-dir", "machine-name"] as const,
    ...["org-key", "ca-file", "config"] as const,
  ],
  passesArguments: true,
  notes: [
    "Options beat SENTINEL_* variables, which beat the configuration file.",
    LICENSE_SOURCES,
    "Arguments after -- belong to the software. Its exit status becomes ours; 128 + S if signal S killed it.",
    "Other exit statuses: 2 usage, 80 license not valid, 81 refused by the server, 82 server unreachable and",
    "no grace left, 83 other hardware, 84 software cannot be launched, 85 already running.",
    "",
    "Example: sentinel run --license acme.lic --software /opt/acme/server -- --port 8000",
  ],
  async run(context) {
    const { args, config: loaded, log } = context;
    const request = {
      ...readRunRequest(context, applyOptions(args, loaded?.config)),
      // without [health] the run ends with the software, as it does without a file
      supervision: loaded?.given.has("health") ? getSupervisionSettings(loaded.config) : undefined,
    };
    if (loaded !== undefined) warnOfNoEffect(loaded, log);
    const { composeRun } = await import("../../app/run.ts");
    const { keepDebuggersOut } = await import("../../app/signals.ts");
    keepDebuggersOut("run", log);
    context.lastResort.stopInOrder(log);
    return await composeRun(request, { ...context, failed: context.lastResort.failed });
  },
};

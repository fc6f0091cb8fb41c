import type { Command } from "../command.ts";
import { daemonTarget, TARGET_OPTIONS } from "../daemon_target.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "[--config FILE] [--json]",
  options: [...TARGET_OPTIONS, "json"],
  toleratesConfig: true,
  notes: ["Exit statuses: 0, 87 where no daemon runs."],
  async run(context) {
    const { args, output } = context;
    const target = await daemonTarget(context);
    const outcome = await target.ask("stats", "SIGUSR1");
    if (outcome.kind === "signaled") {
      output.result(args.flag("json") ? "{}" : "the statistics are in the daemon's log");
      return EXIT.ok;
    }
    const { status: _, ...facts } = outcome.answer;
    const lines = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
    output.result(args.flag("json") ? JSON.stringify(facts) : lines.join("\n"));
    return EXIT.ok;
  },
};

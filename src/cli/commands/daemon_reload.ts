import type { Command } from "../command.ts";
import { daemonTarget, TARGET_OPTIONS } from "../daemon_target.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "[--config FILE] [--json]",
  options: [...TARGET_OPTIONS, "json"],
  toleratesConfig: true,
  notes: [
    "What cannot change while the daemon runs is listed. With a mistake in it the configuration stays as it",
    "was.",
    "Exit statuses: 0, 2 where the configuration is wrong, 80 to 83 where the license is, 87 where no",
    "daemon runs.",
  ],
  async run(context) {
    const { args, output } = context;
    const target = await daemonTarget(context);
    const outcome = await target.ask("reload", "SIGHUP");
    if (outcome.kind === "signaled") {
      output.result(args.flag("json") ? "{}" : "reload requested; the daemon's log tells the rest");
      return EXIT.ok;
    }
    const { applied, requires_restart } = outcome.answer as Record<string, readonly string[]>;
    if (args.flag("json")) {
      output.result(JSON.stringify({ applied, requires_restart }));
      return EXIT.ok;
    }
    output.result(
      [
        `applied: ${applied!.join(", ") || "nothing has changed"}`,
        ...requires_restart!.map((key) => `change to ${key} requires restart`),
      ].join("\n"),
    );
    return EXIT.ok;
  },
};

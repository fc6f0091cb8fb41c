import type { Command } from "../command.ts";
import { daemonTarget, stopTimeoutMs, TARGET_OPTIONS } from "../daemon_target.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "[--config FILE] [--json]",
  options: [...TARGET_OPTIONS, "json"],
  toleratesConfig: true,
  notes: [
    "Returns when the daemon, its software and all that this brought forth are gone.",
    "Exit statuses: 0, 86 where it may not be stopped, 87 where none runs, or it does not stop.",
  ],
  async run(context) {
    const { args, output } = context;
    const target = await daemonTarget(context);
    const pid = await target.pid();
    await target.stop(stopTimeoutMs(context));
    output.result(args.flag("json") ? JSON.stringify({ pid }) : `daemon stopped (pid ${pid})`);
    return EXIT.ok;
  },
};

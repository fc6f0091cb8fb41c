import { NotRunningError } from "../../sentinel/daemon_control.ts";
import type { Command } from "../command.ts";
import { daemonTarget, stopTimeoutMs } from "../daemon_target.ts";
import { command as start } from "./daemon_start.ts";

export const command: Command = {
  usage: start.usage,
  options: start.options,
  passesArguments: true,
  notes: [
    "As `daemon stop` and `daemon start`; where none runs it is only started.",
    "The software alone is restarted by `sentinel ipc restart`.",
  ],
  async run(context) {
    try {
      const target = await daemonTarget(context);
      await target.stop(stopTimeoutMs(context));
    } catch (error) {
      if (!(error instanceof NotRunningError)) throw error;
    }
    return await start.run(context);
  },
};

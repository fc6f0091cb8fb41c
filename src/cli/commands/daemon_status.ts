import { NotRunningError } from "../../sentinel/daemon_control.ts";
import { IpcClientError } from "../../ipc/errors.ts";
import type { Command, CommandContext } from "../command.ts";
import { daemonTarget, TARGET_OPTIONS } from "../daemon_target.ts";
import { EXIT } from "../exit_codes.ts";

type Facts = Readonly<Record<string, unknown>>;

export const command: Command = {
  usage: "[--config FILE] [--json]",
  options: [...TARGET_OPTIONS, "json"],
  toleratesConfig: true,
  notes: ["Exit statuses: 0 where a daemon runs, 87 where none does."],
  async run(context) {
    const { args, output } = context;
    const facts = await readFacts(context);
    output.result(args.flag("json") ? JSON.stringify(facts) : describe(facts).join("\n"));
    return facts["state"] === "stopped" ? EXIT.nobodyThere : EXIT.ok;
  },
};

/** What the daemon tells; its pid alone where it does not speak with us. */
async function readFacts(context: CommandContext): Promise<Facts> {
  try {
    const target = await daemonTarget(context);
    const pid = await target.pid();
    try {
      const outcome = await target.ask("status", undefined);
      if (outcome.kind === "answered") {
        const { status: _, ...facts } = outcome.answer;
        return facts;
      }
    } catch (error) {
      if (!(error instanceof IpcClientError)) throw error;
    }
    return { state: "unknown", sentinel_pid: pid };
  } catch (error) {
    if (error instanceof NotRunningError) return { state: "stopped" };
    throw error;
  }
}

function describe(facts: Facts): string[] {
  const { state, since, sentinel_pid, pid, uptime_seconds, restarts, health } = facts;
  if (state === "stopped") return ["stopped"];
  if (state === "unknown") return [`runs (pid ${sentinel_pid}), and does not answer this user`];
  const software = pid === undefined
    ? "not running"
    : `pid ${pid}, up ${uptime_seconds} s, restarted ${restarts} times`;
  const { status, last_error } = health as Facts;
  const { license_status, grace_remaining_seconds: grace, findings } = facts;
  return [
    `${state} (pid ${sentinel_pid}) since ${since}`,
    `software: ${software}`,
    `health:   ${status}${last_error === undefined ? "" : ` (${last_error})`}`,
    `license:  ${license_status}${grace === undefined ? "" : `, ${grace} seconds of grace left`}`,
    ...(findings === 0 ? [] : [`findings: ${findings}, see the log`]),
  ];
}

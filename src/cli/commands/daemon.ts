import { type DaemonControl, NotRunningError } from "../../daemon/control.ts";
import type { Command, CommandContext } from "../command.ts";
import type { OptionName } from "../options.ts";
import { EXIT } from "../exit_codes.ts";
import { command as start } from "./daemon_start.ts";
import { IpcClientError } from "../../ipc/errors.ts";

/** Options that say which daemon is meant. */
const TARGET_OPTIONS: readonly OptionName[] = ["config", "pid-file", "socket"];

/** The daemon that options and configuration name, else the only one of the user's. */
async function daemonTarget(
  { args, config, clock }: CommandContext,
): Promise<DaemonControl> {
  const { composeDaemonControl } = await import("../../app/daemon_control.ts");
  return await composeDaemonControl({
    pidFile: args.value("pid-file") ?? config?.config.process.pid_file,
    socket: args.value("socket") ?? config?.config.ipc.path,
    softwarePath: config?.config.software.path,
    stateDir: config?.config.license.state_dir,
    user: config?.config.process.user,
    rootFolder: config?.config.security.chroot_directory,
    clock,
  });
}

/** What its shutdown takes at most, and some more to tell that it did not. */
export function stopTimeoutMs({ config }: CommandContext): number {
  const { timeout_ms = 30_000 } = config?.config.shutdown ?? {};
  return timeout_ms + 5_000;
}

export const daemonReload: Command = {
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

export const daemonRestart: Command = {
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

export const daemonStats: Command = {
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

type Facts = Readonly<Record<string, unknown>>;

export const daemonStatus: Command = {
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

export const daemonStop: Command = {
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

import { escapeControls } from "../../core/text.ts";
import { type DaemonControl, NotRunningError } from "../../daemon/control.ts";
import type { Command, CommandContext } from "../command.ts";
import type { OptionName } from "../options.ts";
import { EXIT } from "../exit_codes.ts";
import { command as start } from "./daemon_start.ts";
import { IpcClientError } from "../../ipc/errors.ts";

/** Options that select a daemon. */
const TARGET_OPTIONS: readonly OptionName[] = ["config", "pid-file", "socket"];

/** The daemon named by options and configuration, else the user's only daemon. */
async function findDaemon(
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

/** The daemon's shutdown timeout, plus time to report that it was exceeded. */
function getStopTimeoutMs({ config }: CommandContext): number {
  const { timeout_ms = 30_000 } = config?.config.shutdown ?? {};
  return timeout_ms + 5_000;
}

export const daemonReload: Command = {
  usage: "[--config FILE] [--json]",
  options: [...TARGET_OPTIONS, "json"],
  toleratesInvalidConfig: true,
  notes: [
    "Lists the changes that need a restart. If the new configuration is invalid, the old one stays in effect.",
    "Exit statuses: 0, 2 if the configuration is invalid, 80 to 83 if the license is, 87 if no daemon runs.",
  ],
  async run(context) {
    const { args, output } = context;
    const daemon = await findDaemon(context);
    const outcome = await daemon.ask("reload", "SIGHUP");
    if (outcome.kind === "signaled") {
      output.result(args.flag("json") ? "{}" : "reload requested; see the daemon's log");
      return EXIT.ok;
    }
    const { status: _, ...result } = outcome.answer;
    if (args.flag("json")) {
      output.result(JSON.stringify(result));
      return EXIT.ok;
    }
    const { applied, requires_restart } = result as Record<string, readonly string[]>;
    const next = result["next_license"] as StatusFields | undefined;
    output.result(
      [
        `applied: ${applied!.join(", ") || "nothing has changed"}`,
        ...requires_restart!.map((key) => `change to ${key} requires restart`),
        ...(next === undefined
          ? []
          : [`license ${next["license_key"]} is taken up on ${next["issue_date"]} (UTC)`]),
      ].map(escapeControls).join("\n"),
    );
    return EXIT.ok;
  },
};

export const daemonRestart: Command = {
  usage: start.usage,
  options: start.options,
  passesArguments: true,
  notes: [
    "Same as `daemon stop` and `daemon start`; if no daemon runs, it only starts one.",
    "To restart the software alone, use `sentinel ipc restart`.",
  ],
  async run(context) {
    try {
      const daemon = await findDaemon(context);
      await daemon.stop(getStopTimeoutMs(context));
    } catch (error) {
      if (!(error instanceof NotRunningError)) throw error;
    }
    return await start.run(context);
  },
};

export const daemonStats: Command = {
  usage: "[--config FILE] [--json]",
  options: [...TARGET_OPTIONS, "json"],
  toleratesInvalidConfig: true,
  notes: ["Exit statuses: 0, 87 if no daemon runs."],
  async run(context) {
    const { args, output } = context;
    const daemon = await findDaemon(context);
    const outcome = await daemon.ask("stats", "SIGUSR1");
    if (outcome.kind === "signaled") {
      output.result(args.flag("json") ? "{}" : "the statistics are in the daemon's log");
      return EXIT.ok;
    }
    const { status: _, ...fields } = outcome.answer;
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    output.result(
      args.flag("json") ? JSON.stringify(fields) : lines.map(escapeControls).join("\n"),
    );
    return EXIT.ok;
  },
};

type StatusFields = Readonly<Record<string, unknown>>;

export const daemonStatus: Command = {
  usage: "[--config FILE] [--json]",
  options: [...TARGET_OPTIONS, "json"],
  toleratesInvalidConfig: true,
  notes: ["Exit statuses: 0 if a daemon runs, 87 if none does."],
  async run(context) {
    const { args, output } = context;
    const fields = await readStatus(context);
    output.result(
      args.flag("json") ? JSON.stringify(fields) : describe(fields).map(escapeControls).join("\n"),
    );
    return fields["state"] === "stopped" ? EXIT.absent : EXIT.ok;
  },
};

/** The daemon's status; only its pid if it does not answer. */
async function readStatus(context: CommandContext): Promise<StatusFields> {
  try {
    const daemon = await findDaemon(context);
    const pid = await daemon.pid();
    try {
      const outcome = await daemon.ask("status", undefined);
      if (outcome.kind === "answered") {
        const { status: _, ...fields } = outcome.answer;
        return fields;
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

function describe(fields: StatusFields): string[] {
  const { state, since, sentinel_pid, pid, uptime_seconds, restarts, health } = fields;
  if (state === "stopped") return ["stopped"];
  if (state === "unknown") return [`running (pid ${sentinel_pid}), but not answering this user`];
  const software = pid === undefined
    ? "not running"
    : `pid ${pid}, up ${uptime_seconds} s, restarted ${restarts} times`;
  const { status, last_error } = health as StatusFields;
  const { license_status, grace_remaining_seconds: grace, findings, server_url } = fields;
  const { license_key, org_id, expiry_date, days_left } = (fields["license"] ?? {}) as StatusFields;
  const { at, outcome } = (fields["last_heartbeat"] ?? {}) as StatusFields;
  const next = fields["next_license"] as StatusFields | undefined;
  return [
    `${state} (pid ${sentinel_pid}) since ${since}`,
    `software: ${software}`,
    `health:   ${status}${last_error === undefined ? "" : ` (${last_error})`}`,
    `license:  ${license_status}${grace === undefined ? "" : `, ${grace} seconds of grace left`}`,
    ...(license_key === undefined ? [] : [
      `          ${license_key} of ${org_id}, ends on ${expiry_date} UTC (${days_left} days left)`,
    ]),
    ...(next === undefined
      ? []
      : [`          then ${next["license_key"]}, from ${next["issue_date"]} UTC`]),
    ...(server_url === undefined ? [] : [`server:   ${server_url}`]),
    ...(at === undefined ? [] : [`          last heartbeat at ${at}: ${outcome}`]),
    ...(findings === 0 ? [] : [`tamper findings: ${findings} (see the log)`]),
  ];
}

export const daemonStop: Command = {
  usage: "[--config FILE] [--json]",
  options: [...TARGET_OPTIONS, "json"],
  toleratesInvalidConfig: true,
  notes: [
    "Returns once the daemon, its software and all descendants have exited.",
    "Exit statuses: 0, 86 if permission is denied, 87 if no daemon runs or it does not stop.",
  ],
  async run(context) {
    const { args, output } = context;
    const daemon = await findDaemon(context);
    const pid = await daemon.pid();
    await daemon.stop(getStopTimeoutMs(context));
    output.result(args.flag("json") ? JSON.stringify({ pid }) : `daemon stopped (pid ${pid})`);
    return EXIT.ok;
  },
};

import type { LoadedConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import { escapeControls } from "../../core/text.ts";
import { readSmallText } from "../../core/files.ts";
import { READY_LINE } from "../../daemon/detach.ts";
import { getSoftwareLimits, getSupervisionSettings } from "../../daemon/settings.ts";
import type { ServiceMembership } from "../../app/service.ts";
import type { Command, CommandContext } from "../command.ts";
import {
  applyOptions,
  LICENSE_SOURCES,
  readRunRequest,
  resolveConfigPaths,
} from "../run_options.ts";
import { EXIT, getExitCode } from "../exit_codes.ts";
import { isStandardInput } from "../../license/license_source.ts";

/** Options that keep the command in this process. */
const IN_PROCESS = ["foreground", "detached", "service", "check-config", "print-config"] as const;

export const command: Command = {
  usage: "[--config FILE] [options] [-- ARG…]",
  options: [
    ...["config", "license", "software", "server-url", "state-dir", "machine-name"] as const,
    ...[
      "org-key",
      "ca-file",
      "pid-file",
      "foreground",
      "detached",
      "service",
      "check-config",
      "print-config",
    ] as const,
    "json",
  ],
  passesArguments: true,
  notes: [
    "Returns when the daemon is ready, or prints why it failed. With --foreground, or `daemonize = false` in the",
    "configuration, it runs in the foreground.",
    LICENSE_SOURCES,
    "Signals: SIGTERM stops, SIGHUP reloads, SIGUSR1 writes statistics to the log, SIGUSR2 turns debug",
    "logging on and off.",
    "Exit statuses: 0, 2 if the configuration is invalid, 70 if the software cannot be kept running,",
    "85 if it is already running, else as `sentinel run`.",
  ],
  /** Leaves the configuration to the background process, unless it may say `daemonize = false`. */
  async runWithoutConfig({ args, output }) {
    if (IN_PROCESS.some((name) => args.flag(name))) return undefined;
    const path = args.value("config");
    if (path !== undefined && await mayStayHere(path)) return undefined;
    return await detach({ args, output });
  },
  async run(context) {
    const { args, output } = context;
    const loaded = context.config ?? await loadDefaults();
    const config = resolveConfigPaths(applyOptions(args, loaded.config));
    if (args.flag("check-config")) {
      output.result(`${loaded.path} is valid`);
      return EXIT.ok;
    }
    if (args.flag("print-config")) {
      const { printConfig } = await import("../../config/print.ts");
      output.result(printConfig(config));
      return EXIT.ok;
    }
    if (args.flag("service")) {
      return await runAsService(context, (service) => stay(context, config, service));
    }
    const staysHere = args.flag("foreground") || args.flag("detached") || !config.process.daemonize;
    return staysHere ? await stay(context, config) : await detach(context);
  },
};

/** A configuration of defaults, for a start by options alone. */
async function loadDefaults(): Promise<LoadedConfig> {
  const { parseConfig } = await import("../../config/load.ts");
  return parseConfig("", "the configuration");
}

/** @param service Our membership, if the Windows service manager started us. */
async function stay(
  context: CommandContext,
  config: Config,
  service?: ServiceMembership,
): Promise<number> {
  const isDetached = context.args.flag("detached");
  const run = {
    ...readRunRequest(context, config),
    supervision: getSupervisionSettings(config),
    softwareLimits: getSoftwareLimits(config),
    softwareStreams: isDetached || service ? "null" as const : "inherit" as const,
  };
  const [{ composeDaemon }, path] = await Promise.all([
    import("../../app/daemon.ts"),
    findPidFile(config, run.softwarePath),
  ]);
  const { log, lastResort } = context;
  lastResort.stopInOrder(log);
  const status = await composeDaemon({
    run,
    config,
    loadConfig: () => reloadConfig(context),
    pidFile: path,
    isService: context.args.flag("service"),
    starter: isDetached
      ? {
        sayReady: () => context.output.result(READY_LINE),
        warn: (message) => context.output.note(escapeControls(`sentinel: warning: ${message}`)),
      }
      : undefined,
    service,
  }, { ...context, failed: lastResort.failed });
  return lastResort.statusOf(status);
}

async function reloadConfig({ args, config }: CommandContext): Promise<Config> {
  const { loadConfig } = await import("../../config/load.ts");
  const loaded = config === undefined ? await loadDefaults() : await loadConfig(config.path);
  return resolveConfigPaths(applyOptions(args, loaded.config));
}

async function findPidFile(
  { process, license, security }: Config,
  softwarePath: string,
): Promise<string> {
  if (process.pid_file !== undefined) return process.pid_file;
  const { resolvePidFile } = await import("../../app/daemon_control.ts");
  return await resolvePidFile(softwarePath, {
    stateDir: license.state_dir,
    user: process.user,
    rootFolder: security.chroot_directory,
  });
}

/** Whether the file mentions `daemonize`. True if the file is unreadable: reading it again reports the error. */
async function mayStayHere(configPath: string): Promise<boolean> {
  try {
    return (await readSmallText(configPath)).text.includes("daemonize");
  } catch {
    return true;
  }
}

async function detach({ args, output }: Pick<CommandContext, "args" | "output">): Promise<number> {
  const { composeDetachedStart } = await import("../../app/detached.ts");
  const outcome = await composeDetachedStart({
    // `daemon restart` has stopped the old daemon by now
    args: ["daemon", "start", "--detached", ...Deno.args.slice(2)],
    onLine: output.note,
    licenseText: args.licenseText,
    sharesInput: isStandardInput(args.value("license") ?? ""),
  });
  if (outcome.kind === "ended") {
    if (outcome.status === EXIT.ok) output.note("the daemon was stopped before it was ready");
    return outcome.status;
  }
  const { pid } = outcome;
  output.result(args.flag("json") ? JSON.stringify({ pid }) : `daemon started (pid ${pid})`);
  return EXIT.ok;
}

/**
 * Runs `run` as a service. A failure that a restart may fix is not reported to the service manager, which then sees a crash
 * and applies its recovery actions.
 */
async function runAsService(
  { log }: Pick<CommandContext, "log">,
  run: (service: ServiceMembership | undefined) => Promise<number>,
): Promise<number> {
  const [{ joinServiceManager }, { NO_RESTART_STATUSES }] = await Promise.all([
    import("../../app/service.ts"),
    import("../../service/unit_file.ts"),
  ]);
  const service = await joinServiceManager();
  if (service === undefined) return await run(service);
  // it has no standard streams
  log.configure({ write() {} });
  const end = async (status: number) => {
    if (status === EXIT.ok || NO_RESTART_STATUSES.includes(status)) await service.end(status);
  };
  try {
    const status = await run(service);
    await end(status);
    return status;
  } catch (error) {
    await end(getExitCode(error));
    throw error;
  }
}

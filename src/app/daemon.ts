import { createHost } from "./host.ts";
import { openRunDependencies, type ProgramSources } from "./run.ts";
import { stopOnFailure } from "./signals.ts";
import { findOwnCommand, ownEnvironment } from "./detached.ts";
import type { ConfigurableLog } from "../core/log.ts";
import type { OwnCommand } from "../daemon/detach.ts";
import { SERVICE_VARIABLES, ServiceManager } from "../daemon/service_manager.ts";
import type { Platform, ServiceMembership } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import type { DropRequest } from "../daemon/drop_privileges.ts";
import { type DaemonRequest, runDaemon } from "../daemon/run_daemon.ts";
import { StopRequestSource } from "../agent/stop_request.ts";
import { resolveStateFolder } from "../state/state_folder.ts";

/** Options of `sentinel daemon start`. */
interface DaemonStartOptions extends DaemonRequest {
  /** The command that waits for a daemon in the background; absent if the daemon stays in the foreground. */
  readonly starter: Starter | undefined;
  /** Our membership, if a Windows service manager started us. */
  readonly service: ServiceMembership | undefined;
}

/** Reached over the daemon's standard streams until it is ready. */
interface Starter {
  /** Called when the daemon is ready, just before it closes its standard streams. */
  sayReady(): void;
  warn(message: string): void;
}

interface DaemonSources extends ProgramSources {
  readonly log: ConfigurableLog;
}

/** Runs a daemon in this process until it ends. */
export async function composeDaemon(
  { starter, service, ...request }: DaemonStartOptions,
  { failed, ...sources }: DaemonSources,
): Promise<number> {
  const platform = selectPlatform();
  await becomeUser(request, platform);
  const stopRequest = new StopRequestSource();
  using _failure = stopOnFailure(failed, { ...sources, stopRequest });
  service?.stopRequested.addEventListener(
    "abort",
    () => stopRequest.request("stop of the service"),
  );
  let isReady = false;
  const hasLogFile = request.config.logging.file !== undefined;
  const log = starter !== undefined && hasLogFile
    ? copyWarnings(sources.log, (message) => isReady || starter.warn(message))
    : sources.log;
  const host = createHost("daemon", { ...sources, log });
  using deps = await openRunDependencies(request.run, { host, stopRequest });
  return await runDaemon(request, {
    ...deps,
    log,
    stopRequest,
    residentBytes: () => Deno.memoryUsage().rss,
    onReady() {
      isReady = true;
      if (starter === undefined) return;
      starter.sayReady();
      platform.dropStreams();
    },
    openServer: async (config, software) => {
      const { openDaemonServer } = await import("./daemon_server.ts");
      return await openDaemonServer(config, {
        log: sources.log,
        software,
        stateFolder: () => resolveStateFolder(request.run.stateDir, deps),
        force: stopRequest.force,
      });
    },
    openServiceManager: () =>
      new ServiceManager({
        variables: takeVariables(SERVICE_VARIABLES),
        membership: service,
        ...host,
      }),
  });
}

/** Sends warnings to the command that waits as well, which does not see the log file. */
function copyWarnings(
  log: ConfigurableLog,
  warn: (message: string) => void,
): ConfigurableLog {
  const { debug, info, error } = log;
  return {
    ...{ debug, info, error },
    warn(message, fields) {
      log.warn(message, fields);
      if (log.settings.level !== "error") warn(message);
    },
    get settings() {
      return log.settings;
    },
    configure: (changes) => log.configure(changes),
  };
}

/** Loads the code only if another user, group or root directory is configured. */
async function becomeUser(request: DaemonRequest, platform: Platform): Promise<void> {
  const { process, security } = request.config;
  const configured = [process.user, process.group, security.chroot_directory];
  if (configured.every((value) => value === undefined)) return;
  const { dropPrivileges } = await import("../daemon/drop_privileges.ts");
  await dropPrivileges(request, {
    platform,
    pid: Deno.pid,
    readText: Deno.readTextFile,
    ownerOf: (folder) => Deno.stat(folder).then(({ uid }) => uid ?? undefined, () => undefined),
    command: () => getCommand(request, platform),
    variables: ownEnvironment("text" in request.run.license ? request.run.license.text : undefined),
  });
}

/** The command that started us, with an explicit PID file: its default path depends on the user. */
function getCommand(
  { config, pidFile }: DropRequest,
  platform: Platform,
): OwnCommand | undefined {
  const command = findOwnCommand(platform);
  const [group, name, ...rest] = Deno.args;
  const added = config.process.pid_file === undefined ? ["--pid-file", pidFile] : [];
  return command && { ...command, args: [...command.args, group!, name!, ...added, ...rest] };
}

/** Removes variables from the environment and returns their values. */
function takeVariables(names: readonly string[]): Record<string, string | undefined> {
  const values = names.map((name) => [name, Deno.env.get(name)]);
  for (const name of names) Deno.env.delete(name);
  return Object.fromEntries(values);
}

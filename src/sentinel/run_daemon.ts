import type { Config } from "../config/schema.ts";
import { describeError, firstError, SentinelError } from "../core/errors.ts";
import type { ConfigurableLog } from "../core/log.ts";
import { Lifecycle } from "../daemon/lifecycle.ts";
import { makeFoldersOf } from "../daemon/made_folders.ts";
import { PidFile } from "../daemon/pid_file.ts";
import { inPhase, StartUpError } from "../daemon/start_up.ts";
import type { ServiceManager } from "../daemon/service_manager.ts";
import { ConfigError } from "./config_error.ts";
import { Daemon } from "./daemon.ts";
import { limitDaemon } from "./daemon_limits.ts";
import type { OpenDaemonServer } from "./daemon_server.ts";
import { DaemonLog } from "./daemon_log.ts";
import { HealthListener } from "./health_listener.ts";
import type { PreparedChange } from "./prepared_change.ts";
import { type RunDependencies, type RunRequest, runSentinel } from "./run.ts";
import { inspectorShutter } from "./shut_inspector.ts";
import { type ShutdownDeadline, startDeadline } from "./shutdown_clock.ts";
import type { StopRequestSource } from "./stop_request.ts";

export interface DaemonRequest {
  readonly config: Config;
  /** Reads the configuration again, with what beats it. */
  readonly loadConfig: () => Promise<Config>;
  readonly run: RunRequest;
  /** Absolute. */
  readonly pidFile: string;
}

export interface DaemonDependencies extends RunDependencies {
  readonly log: ConfigurableLog;
  readonly stopRequest: StopRequestSource;
  readonly residentBytes: () => number;
  /** Called once, when the daemon is ready. */
  readonly onReady: () => void;
  readonly openServer: OpenDaemonServer;
  /** The service manager that started us; asked for once, before the software is launched. */
  readonly openServiceManager: () => ServiceManager;
}

/** The software did not stop in time (exit status 70). */
class EmergencyError extends SentinelError {
  constructor(timeoutMs: number) {
    super("recovery.shutdown", `emergency shutdown: not stopped within ${timeoutMs} ms`);
  }
}

/**
 * Runs the software as a daemon, in the foreground, from the first phase of the start to the last of the shutdown.
 *
 * @returns The exit status: 0 where it was stopped, or ended with one of the statuses that say it is done.
 * @throws {StartUpError} Why it does not run, after all that was done is undone.
 * @throws {SentinelError} Why it was stopped.
 */
export async function runDaemon(request: DaemonRequest, deps: DaemonDependencies): Promise<number> {
  return await new DaemonRun(request, deps).run();
}

class DaemonRun {
  readonly #lifecycle: Lifecycle;
  readonly #daemon: Daemon;
  readonly #request: DaemonRequest;
  readonly #deps: DaemonDependencies;
  readonly #missed = Promise.withResolvers<never>();
  #config: Config;
  #deadline: ShutdownDeadline | undefined;
  #pidFile: PidFile | undefined;
  readonly #endpoint: HealthListener;
  readonly #logging: DaemonLog;
  #serviceManager: ServiceManager | undefined;
  readonly #over = new AbortController();
  #hasStarted = false;
  #hasLogFile = false;

  constructor(request: DaemonRequest, deps: DaemonDependencies) {
    const { config, loadConfig } = request;
    this.#request = request;
    this.#deps = deps;
    this.#config = config;
    this.#lifecycle = new Lifecycle(deps);
    this.#daemon = new Daemon({
      ...deps,
      config,
      loadConfig,
      lifecycle: this.#lifecycle,
      prepareConfig: (config) => this.#prepare(config),
    });
    this.#endpoint = new HealthListener(this.#daemon);
    this.#logging = new DaemonLog(deps.log);
    this.#lifecycle.onChange((change) => {
      this.#serviceManager?.announce(change);
      if (change.to === "running" && !this.#hasStarted) this.#beReady();
      if (change.to === "stopping") this.#startDeadline();
    });
    this.#missed.promise.catch(() => {});
  }

  async run(): Promise<number> {
    const { log } = this.#deps;
    const removals = this.#listen();
    try {
      const code = await Promise.race([this.#startAndStay(), this.#missed.promise]);
      this.#lifecycle.advance(this.#lifecycle.state === "stopping" ? "stopped" : "fail");
      return this.#config.software.success_exit_codes.includes(code) ? 0 : code;
    } catch (thrown) {
      const error = firstError(thrown);
      // without a file it is told on standard error, where the log goes
      if (this.#hasLogFile) log.error(describeError(error));
      if (error instanceof EmergencyError) await this.#pidFile?.remove();
      if (this.#lifecycle.state !== "stopped") this.#lifecycle.advance("fail");
      throw error;
    } finally {
      this.#over.abort();
      this.#deadline?.met();
      for (const remove of removals) remove();
    }
  }

  /** All that is opened is closed, and gone, when this ends. */
  async #startAndStay(): Promise<number> {
    const { clock, pid, stopRequest: { stop } } = this.#deps;
    const { pidFile, run } = this.#request;
    await using undo = new AsyncDisposableStack();
    const { file: logFile } = this.#config.logging;
    const paths = logFile === undefined ? [pidFile] : [pidFile, logFile];
    const folders = await inPhase("environment", () => makeFoldersOf(paths));
    undo.defer(() => this.#hasStarted ? undefined : folders.remove());
    await inPhase("process", async () => {
      await this.#logging.prepare(this.#config).apply();
      this.#hasLogFile = logFile !== undefined;
      // in the log like every other change
      this.#lifecycle.advance("start");
      await limitDaemon(this.#config, this.#deps);
      const ownUser = Deno.uid() ?? 0;
      const taken = this.#pidFile = await PidFile.take(pidFile, { pid, ownUser, clock });
      undo.defer(() => taken.remove());
    });
    await inPhase("daemonise", () => this.#settleDown());
    if (stop.aborted) return 0;
    try {
      this.#serviceManager = this.#deps.openServiceManager();
      undo.use(this.#endpoint);
      undo.use(this.#daemon);
      await (await this.#endpoint.prepare(this.#config.health.listen)).apply();
      return await runSentinel(run, this.#deps, this.#daemon);
    } catch (error) {
      throw this.#hasStarted ? error : new StartUpError("core", error);
    }
  }

  #beReady(): void {
    this.#hasStarted = true;
    this.#deps.onReady();
    this.#serviceManager?.reassure(() => this.#daemon.isWell, this.#over.signal);
  }

  /** The umask comes after the files that are to be read by others. */
  #settleDown(): void {
    const { process, security } = this.#config;
    if (process.working_directory !== undefined) enter(process.working_directory);
    this.#deps.platform.setUmask(security.umask);
  }

  #listen(): (() => void)[] {
    const { onSignal, log, platform, stopRequest } = this.#deps;
    const say = (facts: object) => log.info(JSON.stringify(facts));
    const stops = platform.stopSignals.map((signal) =>
      onSignal(signal, () => stopRequest.receive(signal))
    );
    if (!platform.hasUnixSignals) return stops;
    const shutInspector = inspectorShutter(this.#deps, this.#over.signal);
    return [
      ...stops,
      onSignal("SIGHUP", () => this.#daemon.onHangup()),
      onSignal("SIGUSR1", () => {
        say(this.#daemon.stats());
        shutInspector();
      }),
      onSignal("SIGUSR2", () => this.#daemon.toggleDebug()),
    ];
  }

  #startDeadline(): void {
    const { clock, stopRequest } = this.#deps;
    const timeoutMs = this.#config.shutdown.timeout_ms;
    this.#deadline = startDeadline({ timeoutMs, clock, hurry: () => stopRequest.hurryUp() });
    this.#deadline.missed.then(() => this.#missed.reject(new EmergencyError(timeoutMs)));
  }

  /** Opens all that may be refused, so that nothing of it is in force where any of it is refused. */
  async #prepare(config: Config): Promise<PreparedChange> {
    await using opened = new AsyncDisposableStack();
    const logging = opened.use(this.#logging.prepare(config));
    const endpoint = opened.use(await this.#endpoint.prepare(config.health.listen));
    const prepared = opened.move();
    return {
      apply: async () => {
        await endpoint.apply();
        this.#config = config;
        await logging.apply();
      },
      [Symbol.asyncDispose]: () => prepared.disposeAsync(),
    };
  }
}

function enter(folder: string): void {
  try {
    Deno.chdir(folder);
  } catch (error) {
    const why = `working directory cannot be entered: ${folder} (${describeError(error)})`;
    throw new ConfigError("config.working_directory", why, { cause: error });
  }
}

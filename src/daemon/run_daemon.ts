import type { RunDependencies, RunRequest } from "../agent/run_request.ts";
import type { Clock } from "../core/clock.ts";
import type { Config } from "../config/schema.ts";
import { ConfigError, describeError, SentinelError, unwrapError } from "../core/errors.ts";
import type { ConfigurableLog } from "../core/log.ts";
import {
  type Announcement,
  Lifecycle,
  type LifecycleChange,
  type LifecycleHost,
  type LifecycleState,
} from "./lifecycle.ts";
import { createParentDirectories } from "./runtime_dirs.ts";
import { PidFile } from "./pid_file.ts";
import { runPhase, StartUpError } from "./detach.ts";
import { RestartBackoff } from "./restart_backoff.ts";
import type { ServiceManager } from "./service_manager.ts";
import { Daemon, type OpenDaemonServer } from "./daemon.ts";
import { limitDaemon, type PreparedChange } from "./settings.ts";
import { DaemonLog } from "./log_file.ts";
import { HealthListener } from "./health_endpoint.ts";
import { runSentinel } from "../agent/run.ts";
import type { StopRequestSource } from "../agent/stop_request.ts";

/** How long the runtime may take to open the inspector, and how often that is checked. */
const LONGEST_MS = 1_000, CHECK_INTERVAL_MS = 5;

/**
 * Creates a function to be called at each SIGUSR1: if run from source, the runtime opens its inspector at that signal as
 * well, and the function closes it.
 */
function createInspectorGuard(
  { platform, clock, log }: Pick<RunDependencies, "platform" | "clock" | "log">,
  signal: AbortSignal,
): () => void {
  let untilMs = 0, isChecking = false;
  const check = async () => {
    isChecking = true;
    while (!signal.aborted && clock.monotonicMs() < untilMs) {
      const address = await platform.closeInspector();
      if (address !== undefined) {
        log.warn(`closed the debugger port that the runtime opened at SIGUSR1: ${address}`);
      }
      await clock.sleep(CHECK_INTERVAL_MS, signal);
    }
    isChecking = false;
  };
  return () => {
    untilMs = clock.monotonicMs() + LONGEST_MS;
    if (!isChecking) void check();
  };
}

/** The share of the shutdown time after which the child is killed. */
const GRACEFUL_SHARE = 0.5;

interface ShutdownDeadline {
  /** Resolves if the time runs out. */
  readonly missed: Promise<void>;
  /** Cancels the deadline. */
  met(): void;
}

/**
 * Starts the time limit of a shutdown.
 *
 * @param force Called when the child is to be killed.
 */
export function startDeadline(
  { timeoutMs, clock, force }: { timeoutMs: number; clock: Clock; force: () => void },
): ShutdownDeadline {
  const over = new AbortController();
  const missed = Promise.withResolvers<void>();
  const wait = async () => {
    await clock.sleep(timeoutMs * GRACEFUL_SHARE, over.signal);
    if (!over.signal.aborted) force();
    await clock.sleep(timeoutMs * (1 - GRACEFUL_SHARE), over.signal);
    if (!over.signal.aborted) missed.resolve();
  };
  wait();
  return { missed: missed.promise, met: () => over.abort() };
}

export interface DaemonRequest {
  readonly config: Config;
  /** Reads the configuration again, including options and variables. */
  readonly loadConfig: () => Promise<Config>;
  readonly run: RunRequest;
  /** Absolute. */
  readonly pidFile: string;
  /** Whether a service manager restarts the daemon whenever it fails. */
  readonly isService: boolean;
}

interface DaemonDependencies extends RunDependencies {
  readonly log: ConfigurableLog;
  readonly stopRequest: StopRequestSource;
  readonly residentBytes: () => number;
  /** Called once, when the daemon is ready. */
  readonly onReady: () => void;
  readonly openServer: OpenDaemonServer;
  /** Called once, before the child is launched. */
  readonly openServiceManager: () => ServiceManager;
}

/** The shutdown did not finish in time (exit status 70). */
class EmergencyError extends SentinelError {
  constructor(timeoutMs: number) {
    super("recovery.shutdown", `emergency shutdown: not stopped within ${timeoutMs} ms`);
  }
}

/**
 * Runs the daemon in the foreground, from the first phase of the start to the last of the shutdown.
 *
 * @returns The exit status: 0 after a request to stop or if the child ended with one of `success_exit_codes`.
 * @throws {StartUpError} if the start failed; its effects are undone.
 * @throws {SentinelError} if an error stopped the daemon.
 */
export async function runDaemon(request: DaemonRequest, deps: DaemonDependencies): Promise<number> {
  return await new DaemonRun(request, deps).run();
}

class DaemonRun implements LifecycleHost {
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
  readonly #backoff: RestartBackoff | undefined;
  #hasStarted = false;
  #hasLogFile = false;

  constructor(request: DaemonRequest, deps: DaemonDependencies) {
    const { config, loadConfig } = request;
    this.#request = request;
    this.#deps = deps;
    this.#config = config;
    this.#lifecycle = new Lifecycle({ ...deps, host: this });
    this.#daemon = new Daemon({
      ...deps,
      config,
      loadConfig,
      lifecycle: this.#lifecycle,
      prepareConfig: (config) => this.#prepare(config),
    });
    this.#endpoint = new HealthListener(this.#daemon, deps);
    this.#logging = new DaemonLog(deps.log);
    this.#backoff = request.isService ? new RestartBackoff({ ...deps, ...request }) : undefined;
    this.#missed.promise.catch(() => {});
  }

  async run(): Promise<number> {
    const { log } = this.#deps;
    const removals = this.#listen();
    try {
      const code = await Promise.race([this.#startAndRun(), this.#missed.promise]);
      this.#lifecycle.advance(this.#lifecycle.state === "stopping" ? "stopped" : "fail");
      return this.#config.software.success_exit_codes.includes(code) ? 0 : code;
    } catch (thrown) {
      const error = unwrapError(thrown);
      // without a log file, the caller prints it to standard error, where the log goes as well
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

  /** Closes everything it has opened. */
  async #startAndRun(): Promise<number> {
    const { clock, pid, stopRequest: { stop } } = this.#deps;
    const { pidFile, run } = this.#request;
    await using undo = new AsyncDisposableStack();
    const { file: logFile } = this.#config.logging;
    const paths = logFile === undefined ? [pidFile] : [pidFile, logFile];
    const folders = await runPhase("environment", () => createParentDirectories(paths));
    undo.defer(() => this.#hasStarted ? undefined : folders.remove());
    await runPhase("process", async () => {
      await this.#logging.prepare(this.#config).apply();
      this.#hasLogFile = logFile !== undefined;
      // after the log is open, so that this change is logged as well
      this.#lifecycle.advance("start");
      await limitDaemon(this.#config, this.#deps);
      const ownUser = Deno.uid() ?? 0;
      const taken = this.#pidFile = await PidFile.take(pidFile, { pid, ownUser, clock });
      undo.defer(() => taken.remove());
    });
    await runPhase("daemonise", () => this.#applyProcessSettings());
    if (stop.aborted) return 0;
    try {
      this.#serviceManager = this.#deps.openServiceManager();
      undo.use(this.#endpoint);
      undo.use(this.#daemon);
      await this.#backoff?.wait({
        stop,
        onWait: (text, ms) => this.#serviceManager?.announceWait(text, ms),
      });
      if (stop.aborted) return 0;
      await (await this.#endpoint.prepare(this.#config.health.listen)).apply();
      return await runSentinel(run, this.#deps, this.#daemon);
    } catch (error) {
      await this.#backoff?.onEnd(unwrapError(error));
      throw this.#hasStarted ? error : new StartUpError("core", error);
    }
  }

  announce(state: LifecycleState, announcement?: Announcement): void {
    this.#serviceManager?.announce(state, announcement);
  }

  publish(change: LifecycleChange): void {
    this.#daemon.publish(change);
  }

  onRunning(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.#backoff?.clear();
    this.#deps.onReady();
    this.#serviceManager?.pingWatchdog(() => this.#daemon.isHealthy, this.#over.signal);
  }

  /** To be called after log and PID file are created, as others may read them whatever the umask. */
  #applyProcessSettings(): void {
    const { process, security } = this.#config;
    if (process.working_directory !== undefined) enter(process.working_directory);
    this.#deps.platform.setUmask(security.umask);
  }

  #listen(): (() => void)[] {
    const { onSignal, log, stopRequest } = this.#deps;
    const closeInspector = createInspectorGuard(this.#deps, this.#over.signal);
    return [
      onSignal("stop", (signal) => stopRequest.receive(signal)),
      onSignal("reload", () => this.#daemon.onHangup()),
      onSignal("write_statistics", () => {
        log.info(JSON.stringify(this.#daemon.stats()));
        closeInspector();
      }),
      onSignal("toggle_debug", () => this.#daemon.toggleDebug()),
    ];
  }

  startDeadline(): void {
    const { clock, stopRequest } = this.#deps;
    const timeoutMs = this.#config.shutdown.timeout_ms;
    this.#deadline = startDeadline({ timeoutMs, clock, force: () => stopRequest.forceStop() });
    this.#deadline.missed.then(() => this.#missed.reject(new EmergencyError(timeoutMs)));
  }

  /** Opens everything that can be refused before any of it takes effect. */
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

import type { RunDependencies, RunRequest } from "../agent/run_request.ts";
import type { Clock } from "../core/clock.ts";
import type { Config } from "../config/schema.ts";
import { ConfigError, describeError, firstError, SentinelError } from "../core/errors.ts";
import type { ConfigurableLog } from "../core/log.ts";
import {
  type Announcement,
  Lifecycle,
  type LifecycleChange,
  type LifecycleHost,
  type LifecycleState,
} from "./lifecycle.ts";
import { makeFoldersOf } from "./runtime_dirs.ts";
import { PidFile } from "./pid_file.ts";
import { inPhase, StartUpError } from "./detach.ts";
import type { ServiceManager } from "./service_manager.ts";
import { Daemon, type OpenDaemonServer } from "./daemon.ts";
import { limitDaemon, type PreparedChange } from "./settings.ts";
import { DaemonLog } from "./log_file.ts";
import { HealthListener } from "./health_endpoint.ts";
import { runSentinel } from "../agent/run.ts";
import type { StopRequestSource } from "../agent/stop_request.ts";

/** How long the runtime may take to let a debugger in, and how often that is looked at. */
const LONGEST_MS = 1_000, LOOK_EVERY_MS = 5;

/**
 * Makes what is to be called at each SIGUSR1, which is ours for statistics: from source the runtime takes it for its own,
 * too, and lets a debugger in right behind us. That is taken back.
 */
function inspectorShutter(
  { platform, clock, log }: Pick<RunDependencies, "platform" | "clock" | "log">,
  signal: AbortSignal,
): () => void {
  let untilMs = 0, isLooking = false;
  const look = async () => {
    isLooking = true;
    while (!signal.aborted && clock.monotonicMs() < untilMs) {
      const address = await platform.closeInspector();
      if (address !== undefined) {
        log.warn(`the runtime let debuggers in at SIGUSR1, and does so no more: ${address}`);
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
    isLooking = false;
  };
  return () => {
    untilMs = clock.monotonicMs() + LONGEST_MS;
    if (!isLooking) void look();
  };
}

/** The part of the time after which the software is asked no longer, but killed. */
const PATIENCE = 0.5;

/** The one deadline of a shutdown. */
interface ShutdownDeadline {
  /** Resolves where the time is over. */
  readonly missed: Promise<void>;
  /** All is done in time. */
  met(): void;
}

/**
 * Starts the time that a shutdown may take.
 *
 * @param hurry Called when the patience with the software is over.
 */
export function startDeadline(
  { timeoutMs, clock, hurry }: { timeoutMs: number; clock: Clock; hurry: () => void },
): ShutdownDeadline {
  const over = new AbortController();
  const missed = Promise.withResolvers<void>();
  const wait = async () => {
    await clock.sleep(timeoutMs * PATIENCE, over.signal);
    if (!over.signal.aborted) hurry();
    await clock.sleep(timeoutMs * (1 - PATIENCE), over.signal);
    if (!over.signal.aborted) missed.resolve();
  };
  wait();
  return { missed: missed.promise, met: () => over.abort() };
}

/** A daemon and the run that it hosts. */
export interface DaemonRequest {
  readonly config: Config;
  /** Reads the configuration again, with what beats it. */
  readonly loadConfig: () => Promise<Config>;
  readonly run: RunRequest;
  /** Absolute. */
  readonly pidFile: string;
}

interface DaemonDependencies extends RunDependencies {
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
      await this.#endpoint.prepare(this.#config.health.listen).apply();
      return await runSentinel(run, this.#deps, this.#daemon);
    } catch (error) {
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
    const { onSignal, log, stopRequest } = this.#deps;
    const closeInspector = inspectorShutter(this.#deps, this.#over.signal);
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
    this.#deadline = startDeadline({ timeoutMs, clock, hurry: () => stopRequest.hurryUp() });
    this.#deadline.missed.then(() => this.#missed.reject(new EmergencyError(timeoutMs)));
  }

  /** Opens all that may be refused, so that nothing of it is in force where any of it is refused. */
  async #prepare(config: Config): Promise<PreparedChange> {
    await using opened = new AsyncDisposableStack();
    const logging = opened.use(this.#logging.prepare(config));
    const endpoint = opened.use(this.#endpoint.prepare(config.health.listen));
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

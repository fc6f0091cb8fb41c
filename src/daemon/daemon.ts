import type { Config } from "../config/schema.ts";
import type { SoftwareRecorder } from "../supervision/child_record.ts";
import type { Supervisor } from "../supervision/supervisor.ts";
import { diffConfig, mergeChangeable } from "../config/diff.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { ConfigurableLog, LogLevel } from "../core/log.ts";
import type { HealthReport } from "./health_endpoint.ts";
import { InvalidTransitionError, type Lifecycle, type LifecycleChange } from "./lifecycle.ts";
import type { ControlHandler, ControlMethod } from "../ipc/service.ts";
import { UNKNOWN_HEALTH } from "../process/health.ts";
import type { Agent } from "../agent/agent.ts";
import { ipcSettings, type PreparedChange, supervisionSettings } from "./settings.ts";
import type { RunHost } from "../agent/run_host.ts";
import type { StopRequest } from "../agent/stop_request.ts";

/** What a daemon serves to operators from afar. */
export interface DaemonServer extends AsyncDisposable {
  /** Where it listens, such as `https://127.0.0.1:7443`. */
  readonly url: string;
  /** Has the software appear among what is served. */
  readonly recorder: SoftwareRecorder;
  /**
   * Reads certificates, as at the start.
   *
   * @returns What has new connections judged by them.
   * @throws {SentinelError} `config.tls`.
   */
  prepare(config: Config): Promise<() => void>;
  /** Lets nobody in any more and stops what runs, but for the software, whose end it waits for. May be called twice. */
  close(): Promise<void>;
}

/** What operators may do with the software. */
export type SoftwareControl = Pick<Supervisor, "hold" | "restart">;

/** Starts serving, and throws {SentinelError} where that is not possible. */
export type OpenDaemonServer = (config: Config, software: SoftwareControl) => Promise<DaemonServer>;

interface DaemonOptions {
  /** What holds at the start. */
  readonly config: Config;
  /**
   * Reads the configuration again.
   *
   * @throws {SentinelError} Every mistake in it.
   */
  readonly loadConfig: () => Promise<Config>;
  /**
   * Opens what is changed outside the run: log, health endpoint, shutdown.
   *
   * @throws {SentinelError} and then nothing has changed.
   */
  readonly prepareConfig: (config: Config) => Promise<PreparedChange>;
  /** Serves operators from afar; called where `[server]` is enabled. */
  readonly openServer: OpenDaemonServer;
  readonly lifecycle: Lifecycle;
  readonly stopRequest: StopRequest;
  readonly log: ConfigurableLog;
  /** Resident memory of this process, bytes. */
  readonly residentBytes: () => number;
}

/** What became of a reload; keys as `table.key`, `license` for a file whose content is another. */
interface ReloadResult {
  readonly applied: readonly string[];
  readonly requires_restart: readonly string[];
}

/** The host of a daemon's run: what its operator may ask of it, and how its state goes with the software's. */
export class Daemon implements RunHost, AsyncDisposable {
  readonly #options: DaemonOptions;
  #config: Config;
  #agent: Agent | undefined;
  /** Of the run, also when that has ended. */
  #ipc: Agent["ipc"] | undefined;
  #server: DaemonServer | undefined;
  /** The reload that is under way, and the one that waits for it, whoever asked. */
  #reloading: Promise<ReloadResult> | undefined;
  #nextReload: Promise<ReloadResult> | undefined;
  #reloads = 0;
  #wantsReload = false;
  #isEnding = false;
  /** The level that the debug toggle goes back to. */
  #quietLevel: LogLevel = "info";

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** The run, while it serves its socket. */
  get agent(): Agent | undefined {
    return this.#agent;
  }

  /** Whether it does what it is there for: software that is not well is not, software that is being started anew is. */
  get isWell(): boolean {
    return this.#agent?.supervisor.health.status !== "unhealthy";
  }

  /** What the health endpoint answers. */
  healthReport(): HealthReport {
    const { lifecycle: { state } } = this.#options;
    const { health } = this.#agent?.supervisor ?? { health: UNKNOWN_HEALTH };
    const { status, checks, lastCheckMs, consecutiveFailures, lastError } = health;
    return {
      status,
      state,
      checks,
      ...(lastCheckMs !== undefined && { last_check: new Date(lastCheckMs).toISOString() }),
      consecutive_failures: consecutiveFailures,
      ...(lastError !== undefined && { last_error: lastError }),
      uptime_seconds: this.#agent?.uptimeSeconds ?? 0,
    };
  }

  control(agent: () => Agent): Record<ControlMethod, ControlHandler> {
    return {
      stop: () => this.#options.stopRequest.request("stop over the socket"),
      restart: async () => {
        await agent().supervisor.restart();
        return { pid: agent().supervisor.running?.leader.pid };
      },
      reload: () => this.reload(),
      stats: () => this.stats(),
      debug: () => ({ level: this.toggleDebug() }),
    };
  }

  status(): object {
    const { lifecycle } = this.#options;
    return {
      state: lifecycle.state,
      since: new Date(lifecycle.sinceMs).toISOString(),
      ...(this.#server && { server: this.#server.url }),
    };
  }

  /** What `stats` answers and SIGUSR1 has written to the log. */
  stats(): Record<string, unknown> {
    const { lifecycle, residentBytes } = this.#options;
    return {
      state: lifecycle.state,
      ...this.#agent?.stats(),
      reloads: this.#reloads,
      resident_bytes: residentBytes(),
    };
  }

  async onServing(agent: Agent): Promise<void> {
    const { openServer, log } = this.#options;
    this.#agent = agent;
    this.#ipc = agent.ipc;
    if (!this.#config.server.enabled) return;
    this.#server = await openServer(this.#config, agent.supervisor);
    log.info(`serving operators at ${this.#server.url}`);
  }

  /** Tells those who watch the socket. */
  publish({ from, to, atMs }: LifecycleChange): void {
    this.#ipc?.publish({ event: "state", from, state: to, at: new Date(atMs).toISOString() });
  }

  get recorder(): SoftwareRecorder | undefined {
    return this.#server?.recorder;
  }

  onRunning(): void {
    const { lifecycle } = this.#options;
    if (lifecycle.state !== "starting") return;
    lifecycle.advance("started");
    if (this.#wantsReload) this.onHangup();
  }

  /** SIGHUP: a reload; at the start once all runs, at the end none. */
  onHangup(): void {
    const { state } = this.#options.lifecycle;
    if (state === "running" || state === "reloading") this.reload().catch(() => {});
    else this.#wantsReload = true;
  }

  /** A reload that is under way ends first, being told to hurry by the request to stop; one that waits is refused. */
  async onEnding(): Promise<void> {
    const { lifecycle } = this.#options;
    this.#isEnding = true;
    await this.#reloading?.catch(() => {});
    if (lifecycle.state === "running") lifecycle.advance("stop");
    this.#agent = undefined;
    // it waits for the end of the software, which is stopped next
    this.#server?.close().catch(() => {});
  }

  /** Stops serving operators; may be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  /**
   * Reads configuration and license again and puts into force what may change at run time. One that is asked for while
   * another is under way follows it, once for all who ask meanwhile.
   *
   * @throws {SentinelError} Why nothing has changed.
   */
  reload(): Promise<ReloadResult> {
    if (this.#reloading === undefined) return this.#beginReload();
    return this.#nextReload ??= this.#reloading.catch(() => {}).then(() => {
      this.#nextReload = undefined;
      return this.#beginReload();
    });
  }

  /** Writes everything to the log, or what it was before again; the level from now on. */
  toggleDebug(): LogLevel {
    const { log } = this.#options;
    const { level: before } = log.settings;
    const level = before === "debug" ? this.#quietLevel : "debug";
    if (before !== "debug") this.#quietLevel = before;
    log.configure({ level });
    log.info(`log level: ${level}`);
    return level;
  }

  #beginReload(): Promise<ReloadResult> {
    const reloading = this.#reload().finally(() => this.#reloading = undefined);
    return this.#reloading = reloading;
  }

  async #reload(): Promise<ReloadResult> {
    const { lifecycle, log } = this.#options;
    if (this.#isEnding) throw new InvalidTransitionError("stopping", "reloading");
    lifecycle.advance("reload");
    try {
      const result = await this.#applyChanges(await this.#options.loadConfig());
      this.#reloads++;
      for (const key of result.requires_restart) log.warn(`change to ${key} requires restart`);
      log.info(`reloaded: ${result.applied.join(", ") || "nothing has changed"}`);
      return result;
    } catch (error) {
      log.error(`reload failed, nothing has changed: ${describeError(error)}`);
      const details = error instanceof SentinelError ? error.details : [];
      for (const line of details) log.error(line);
      throw error;
    } finally {
      lifecycle.advance("reloaded");
    }
  }

  /** First what may be refused; of that the license last, as it cannot be taken back. */
  async #applyChanges(after: Config): Promise<ReloadResult> {
    const { changeable, requiresRestart } = diffConfig(this.#config, after);
    const agent = this.#agent!;
    const config = mergeChangeable(this.#config, after);
    await using prepared = await this.#options.prepareConfig(config);
    const applyServer = await this.#server?.prepare(config);
    const isNewLicense = await agent.reloadLicense(after.license.path);
    await prepared.apply();
    this.#config = config;
    applyServer?.();
    agent.ipc.setLimits(ipcSettings(config).limits);
    if (changeable.some((key) => key.startsWith("health."))) {
      agent.supervisor.configure(supervisionSettings(config));
    }
    const isSamePath = !changeable.includes("license.path");
    return {
      applied: [...isNewLicense && isSamePath ? ["license"] : [], ...changeable],
      requires_restart: requiresRestart,
    };
  }
}

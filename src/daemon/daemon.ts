import type { Config } from "../config/schema.ts";
import type { ChildRecorder } from "../supervision/child_record.ts";
import type { Supervisor } from "../supervision/supervisor.ts";
import { diffConfig, mergeChangeable } from "../config/diff.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { ConfigurableLog, LogLevel } from "../core/log.ts";
import type { HealthReport } from "./health_endpoint.ts";
import { InvalidTransitionError, type Lifecycle, type LifecycleChange } from "./lifecycle.ts";
import type { ControlHandler, ControlMethod } from "../ipc/service.ts";
import { UNKNOWN_HEALTH } from "../process/health.ts";
import type { Agent, NextLicense } from "../agent/agent.ts";
import { getIpcSettings, getSupervisionSettings, type PreparedChange } from "./settings.ts";
import type { RunHost } from "../agent/run_host.ts";
import type { StopRequest } from "../agent/stop_request.ts";

/** The daemon's server for remote operators. */
export interface DaemonServer extends AsyncDisposable {
  /** For example `https://127.0.0.1:7443`. */
  readonly url: string;
  /** Lists the child among the served processes. */
  readonly recorder: ChildRecorder;
  /**
   * Reads the configured certificates again.
   *
   * @returns A function that applies them to new connections.
   * @throws {SentinelError} `config.tls`.
   */
  prepare(config: Config): Promise<() => void>;
  /** Refuses new connections, stops its processes except the child, and waits for the child's end. May be called twice. */
  close(): Promise<void>;
}

/** What remote operators may do with the child. */
export type SoftwareControl = Pick<Supervisor, "pause" | "restart">;

/** Starts the server; rejects with a {@linkcode SentinelError} if that fails. */
export type OpenDaemonServer = (config: Config, software: SoftwareControl) => Promise<DaemonServer>;

interface DaemonOptions {
  /** The configuration at the start. */
  readonly config: Config;
  /**
   * Reads the configuration again.
   *
   * @throws {SentinelError} with every mistake in its `details`.
   */
  readonly loadConfig: () => Promise<Config>;
  /**
   * Prepares the changes outside the run: log, health endpoint, shutdown.
   *
   * @throws {SentinelError} if any of them is refused; nothing has changed then.
   */
  readonly prepareConfig: (config: Config) => Promise<PreparedChange>;
  /** Called if `[server]` is enabled. */
  readonly openServer: OpenDaemonServer;
  readonly lifecycle: Lifecycle;
  readonly stopRequest: StopRequest;
  readonly log: ConfigurableLog;
  /** Resident memory of this process, bytes. */
  readonly residentBytes: () => number;
}

/** Changed keys as `table.key`; `license` means that the license file's content changed. */
interface ReloadResult {
  readonly applied: readonly string[];
  readonly requires_restart: readonly string[];
  /** A license that is taken up when its first day comes. */
  readonly next_license?: NextLicense;
}

/** The host of a daemon's run: handles control requests and reloads, and moves the lifecycle along with the child. */
export class Daemon implements RunHost, AsyncDisposable {
  readonly #options: DaemonOptions;
  #config: Config;
  #agent: Agent | undefined;
  /** The run's socket; kept after the run has ended, to publish the last states. */
  #ipc: Agent["ipc"] | undefined;
  #server: DaemonServer | undefined;
  /** The reload in progress, and the one queued behind it. */
  #reloading: Promise<ReloadResult> | undefined;
  #nextReload: Promise<ReloadResult> | undefined;
  #reloads = 0;
  #wantsReload = false;
  #isEnding = false;
  /** The log level that the debug toggle restores. */
  #quietLevel: LogLevel = "info";

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** The run, while its socket is open. */
  get agent(): Agent | undefined {
    return this.#agent;
  }

  /** False if the child is unhealthy; a child that is being restarted counts as healthy. */
  get isHealthy(): boolean {
    return this.#agent?.supervisor.health.status !== "unhealthy";
  }

  /** The answer of the health endpoint. */
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
      ...(this.#agent && { license: this.#agent.term }),
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

  /** The answer to `stats`, which SIGUSR1 writes to the log. */
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

  /** Publishes a change of state to the socket's watchers. */
  publish({ from, to, atMs }: LifecycleChange): void {
    this.#ipc?.publish({ event: "state", from, state: to, at: new Date(atMs).toISOString() });
  }

  get recorder(): ChildRecorder | undefined {
    return this.#server?.recorder;
  }

  onRunning(): void {
    const { lifecycle } = this.#options;
    if (lifecycle.state !== "starting") return;
    lifecycle.advance("started");
    if (this.#wantsReload) this.onHangup();
  }

  /** SIGHUP: reloads; during the start, as soon as the child runs; during the shutdown, not at all. */
  onHangup(): void {
    const { state } = this.#options.lifecycle;
    if (state === "running" || state === "reloading") this.reload().catch(() => {});
    else this.#wantsReload = true;
  }

  /** Waits for a reload in progress, which the request to stop aborts; a queued one is refused. */
  async onEnding(): Promise<void> {
    const { lifecycle } = this.#options;
    this.#isEnding = true;
    await this.#reloading?.catch(() => {});
    if (lifecycle.state === "running") lifecycle.advance("stop");
    this.#agent = undefined;
    // not awaited: it waits for the end of the child, which is stopped next
    this.#server?.close().catch(() => {});
  }

  /** Stops serving operators; may be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }

  /**
   * Reads configuration and license again and applies what may change at run time. Requests during a reload share one
   * further reload after it.
   *
   * @throws {SentinelError} if the reload failed; nothing has changed then.
   */
  reload(): Promise<ReloadResult> {
    if (this.#reloading === undefined) return this.#beginReload();
    return this.#nextReload ??= this.#reloading.catch(() => {}).then(() => {
      this.#nextReload = undefined;
      return this.#beginReload();
    });
  }

  /** Switches the log to `debug`, or back; returns the new level. */
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

  /** First does what can be refused, and of that the license last, as replacing it cannot be undone. */
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
    agent.ipc.setLimits(getIpcSettings(config).limits);
    if (changeable.some((key) => key.startsWith("health."))) {
      agent.supervisor.configure(getSupervisionSettings(config));
    }
    const isSamePath = !changeable.includes("license.path");
    return {
      applied: [...isNewLicense && isSamePath ? ["license"] : [], ...changeable],
      requires_restart: requiresRestart,
      ...(agent.nextLicense && { next_license: agent.nextLicense }),
    };
  }
}

import type { Host } from "../platform/host.ts";
import {
  keepRunning,
  type ProcessRun,
  type RestartPolicy,
  type RunEnd,
} from "../process/restart.ts";
import type { HealthSettings } from "./health_watch.ts";
import { aborted } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { ProcessIdentity } from "../core/process.ts";
import type { Platform } from "../platform/contract.ts";
import type { Health } from "../process/health.ts";
import { LaunchError } from "../process/executable.ts";
import type { ManagedProcess, StopOptions } from "../process/managed_process.ts";
import { ChildHealth } from "./child_health.ts";

/** A restart that is about to happen. */
export interface Restart {
  readonly attempt: number;
  readonly delayMs: number;
  /** Its cause. */
  readonly end: RunEnd;
}

/** The restart's line in the log. */
function describeRestart(
  { attempt, delayMs, end }: Restart,
  { maxRestartAttempts }: RestartPolicy,
): string {
  const when = delayMs === 0 ? "now" : `in ${Math.round(delayMs)} ms`;
  return `the software ${describeEnd(end)}: restart ${attempt} of ${maxRestartAttempts} ${when}`;
}

function describeEnd(end: RunEnd): string {
  switch (end.kind) {
    case "exited":
      return `exited with status ${end.code}`;
    case "killed":
      return `was killed (status ${end.code})`;
    case "not_launched":
      return "could not be launched";
    default:
      return "is unhealthy";
  }
}

/** The restart policy and the health checks of the child. */
export interface SupervisionSettings {
  readonly policy: RestartPolicy;
  /** Absent if its health is not checked. */
  readonly health?: HealthSettings | undefined;
}

/** No restart, however the child ends. */
export const LAUNCH_ONCE: SupervisionSettings = {
  policy: { restartOnFailure: false, finalExitCodes: [], restartDelayMs: 0, maxRestartAttempts: 0 },
};

/** The restarts are used up (exit status 70). */
class RecoveryError extends SentinelError {
  constructor(readonly attempts: number) {
    super("recovery.exhausted", "maximum recovery attempts reached");
  }
}

interface SupervisorOptions extends Pick<Host, "clock" | "random" | "log"> {
  readonly settings: SupervisionSettings;
  /** Launches the child, which the supervisor then owns. Calls `onLaunched` before the child can have connected. */
  readonly launch: (onLaunched: (leader: ProcessIdentity) => void) => Promise<ManagedProcess>;
  readonly platform: Pick<Platform, "isDescendant">;
  /** Watches the child until it is unhealthy or `signal` is aborted; called only with `settings.health`. */
  readonly watchHealth: (
    child: ManagedProcess,
    watch: { settings: SupervisionSettings; onChecked: (health: Health) => void },
    signal: AbortSignal,
  ) => Promise<Health>;
  /** Called after each launch. */
  readonly onLaunched: () => void;
}

type LaunchedEnd = Exclude<RunEnd, { kind: "not_launched" }>;

interface RunningChild {
  readonly leader: ProcessIdentity;
  /** The time of the launch; monotonic clock. */
  readonly atMs: number;
}

/** Keeps one child running, by the restart policy and the health checks of its settings. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #settings: SupervisionSettings;
  /** Aborted when the settings change. */
  #changed = new AbortController();
  /** Aborted to stop the child for a restart or a pause. */
  #restartRequested = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  #launched = Promise.withResolvers<void>();
  /** Set while the child is to stay stopped. */
  #pause: { readonly how: StopOptions; readonly released: PromiseWithResolvers<void> } | undefined;
  #running: RunningChild | undefined;
  readonly #health: ChildHealth;
  #launches = 0;
  /** The last failure to launch. */
  #launchError: LaunchError | undefined;
  #isOver = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#health = new ChildHealth(options);
  }

  /** The child, from its launch until its whole process tree has ended. */
  get running(): RunningChild | undefined {
    return this.#running;
  }

  /** Resolves after the first launch. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Whether a process is the running child or one of its descendants. */
  isDescendant(pid: number): boolean {
    const { platform } = this.#options;
    return this.#running !== undefined && platform.isDescendant(pid, this.#running.leader);
  }

  get settings(): SupervisionSettings {
    return this.#settings;
  }

  get health(): Health {
    return this.#health.current;
  }

  /** Whether the child is to stay stopped until it is restarted. */
  get isPaused(): boolean {
    return this.#pause !== undefined;
  }

  /** Launches after the first. */
  get restarts(): number {
    return Math.max(0, this.#launches - 1);
  }

  /** Applies other settings and starts the health checks over. */
  configure(settings: SupervisionSettings): void {
    this.#settings = settings;
    const changed = this.#changed;
    this.#changed = new AbortController();
    changed.abort();
  }

  /**
   * Stops the child and its descendants and launches it again; resolves when it runs.
   *
   * @throws {SentinelError} `usage.restart` if the child is being stopped for good.
   */
  async restart(): Promise<void> {
    this.#requireRunning();
    const launched = this.#launched = Promise.withResolvers<void>();
    launched.promise.catch(() => {});
    this.#pause?.released.resolve();
    this.#pause = undefined;
    this.#restartRequested.abort();
    await launched.promise;
  }

  /**
   * Stops the child and its descendants, and keeps it stopped until {@linkcode restart}.
   *
   * @throws {SentinelError} `usage.restart` if the child is being stopped for good.
   */
  pause(how: StopOptions = {}): void {
    this.#requireRunning();
    this.#options.log.info("stopping the software on request, until it is restarted");
    this.#pause = { how, released: this.#pause?.released ?? Promise.withResolvers() };
    this.#restartRequested.abort();
  }

  /**
   * Launches the child and keeps it running until it ends for good or `signal` is aborted. Its whole process tree has
   * ended when this resolves or rejects.
   *
   * @returns Its exit status; `undefined` if `signal` was aborted first.
   * @throws {LaunchError} if the first launch fails.
   * @throws {ChecksumError} if any launch finds another file than the verified one.
   * @throws {RecoveryError} if the restarts are used up.
   */
  async run(signal: AbortSignal): Promise<number | undefined> {
    const { clock, random } = this.#options;
    try {
      const end = await keepRunning({
        policy: () => this.#settings.policy,
        clock,
        random,
        start: () => this.#start(signal),
        wake: () => this.#restartRequested.signal,
        onRestart: (restart) => this.#logRestart(restart),
      }, signal);
      if (end.kind === "asked") return undefined;
      if (end.kind === "give_up") throw new RecoveryError(end.attempts);
      if (end.end.kind === "exited" || end.end.kind === "killed") return end.end.code;
      throw this.#launchError ?? new RecoveryError(0);
    } finally {
      this.#isOver = true;
      this.#launched.reject(createStoppingError());
      this.#launched.promise.catch(() => {});
    }
  }

  /** A failure to launch is fatal only the first time; `ChecksumError` always is. */
  async #start(signal: AbortSignal): Promise<ProcessRun | undefined> {
    if (this.#pause !== undefined) {
      await Promise.race([this.#pause.released.promise, aborted(signal)]);
      if (signal.aborted) return undefined;
    }
    this.#restartRequested = new AbortController();
    let child: ManagedProcess;
    try {
      child = await this.#options.launch((leader) => this.#recordLeader(leader));
    } catch (error) {
      this.#running = undefined;
      if (this.#launches === 0 || !(error instanceof LaunchError)) throw error;
      this.#options.log.error(describeError(error));
      this.#launchError = error;
      return undefined;
    }
    this.#launches++;
    this.#options.log.debug("software launched", { pid: child.root.leader.pid });
    this.#options.onLaunched();
    this.#started.resolve();
    this.#launched.resolve();
    return { ended: this.#waitForEnd(child, signal) };
  }

  #recordLeader(leader: ProcessIdentity): void {
    this.#running = { leader, atMs: this.#health.begin() };
  }

  /** Waits until the child has ended or must end, and stops what is left of its process tree. */
  async #waitForEnd(child: ManagedProcess, signal: AbortSignal): Promise<LaunchedEnd> {
    const over = new AbortController();
    try {
      const asked = AbortSignal.any([signal, this.#restartRequested.signal, over.signal]);
      const kind = await Promise.race([
        child.child.exited,
        aborted(asked).then(() => "asked" as const),
        this.#waitUntilUnhealthy(child, over.signal),
      ]);
      const healthyMs = this.#health.healthyMs;
      if (typeof kind === "string") return { kind, healthyMs };
      return kind.signal === undefined
        ? { kind: "exited", code: kind.code, healthyMs }
        : { kind: "killed", code: kind.code, healthyMs };
    } finally {
      over.abort();
      await child.stop(this.#pause?.how);
      this.#running = undefined;
    }
  }

  /** Resolves when the child is so unhealthy that it must be restarted; otherwise never. */
  async #waitUntilUnhealthy(child: ManagedProcess, over: AbortSignal): Promise<"unhealthy"> {
    while (!over.aborted) {
      const settings = this.#settings;
      const signal = AbortSignal.any([over, this.#changed.signal]);
      if (settings.health === undefined) {
        await aborted(signal);
        continue;
      }
      const { status } = await this.#options.watchHealth(child, {
        settings,
        onChecked: (health) => this.#health.note(health),
      }, signal);
      if (status === "unhealthy" && settings.policy.restartOnFailure && !signal.aborted) {
        return "unhealthy";
      }
    }
    return await new Promise(() => {});
  }

  #logRestart(restart: Restart): void {
    const { log } = this.#options;
    if (this.#pause !== undefined) return;
    if (restart.end.kind === "asked") return log.info("restarting the software on request");
    log.warn(describeRestart(restart, this.#settings.policy));
  }

  #requireRunning(): void {
    if (this.#isOver) throw createStoppingError();
  }
}

function createStoppingError(): SentinelError {
  return new SentinelError("usage.restart", "the software is being stopped");
}

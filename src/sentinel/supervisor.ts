import type { Clock } from "../core/clock.ts";
import { whenAborted } from "../core/when_aborted.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { ProcessIdentity } from "../core/process_identity.ts";
import type { Platform } from "../platform/contract.ts";
import { type Health, UNKNOWN_HEALTH } from "../process/health.ts";
import { keepRunning, type Run } from "../process/keep_running.ts";
import { LaunchError } from "../process/launch_error.ts";
import type { RestartPolicy, RunEnd } from "../process/restart_policy.ts";
import type { HealthSettings } from "./health_watch.ts";
import type { Software } from "./software.ts";

/** When the software is started again, and how its health is told. */
export interface SupervisionSettings {
  readonly policy: RestartPolicy;
  /** Absent where nobody looks after it. */
  readonly health?: HealthSettings | undefined;
}

/** The software's end is the end, whatever it is. */
export const LAUNCH_ONCE: SupervisionSettings = {
  policy: { restartOnFailure: false, finalExitCodes: [], restartDelayMs: 0, maxRestartAttempts: 0 },
};

/** The software ended again and again (exit status 70). */
export class RecoveryError extends SentinelError {
  constructor(readonly attempts: number) {
    super("recovery.exhausted", "maximum recovery attempts reached");
  }
}

export interface SupervisorOptions {
  readonly settings: SupervisionSettings;
  /** Launches the software, for the supervisor to dispose of; tells its leader before that can have got far. */
  readonly launch: (onLaunched: (leader: ProcessIdentity) => void) => Promise<Software>;
  readonly platform: Pick<Platform, "isDescendant">;
  /** Looks after it until it is unhealthy, or `signal` is aborted; called only where `settings.health` is there. */
  readonly watchHealth: (
    software: Software,
    watch: { settings: SupervisionSettings; onChecked: (health: Health) => void },
    signal: AbortSignal,
  ) => Promise<Health>;
  /** Called when the software has been launched, each time. */
  readonly onLaunched: () => void;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

type LaunchedEnd = Exclude<RunEnd, { kind: "not_launched" }>;

/** The software that runs, as who asks is told. */
export interface RunningLeader {
  readonly leader: ProcessIdentity;
  /** When it was launched; by the monotonic clock. */
  readonly atMs: number;
}

/** Keeps the software running, never two at a time, as its settings say and until they say otherwise. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  #settings: SupervisionSettings;
  /** Aborted when other settings hold. */
  #changed = new AbortController();
  /** Aborted when somebody wants the software to be started anew. */
  #asked = new AbortController();
  readonly #started = Promise.withResolvers<void>();
  #launched = Promise.withResolvers<void>();
  #running: RunningLeader | undefined;
  #health = UNKNOWN_HEALTH;
  /** The last round of checks that found nothing; by the monotonic clock. */
  #goodUntilMs = 0;
  #healthChecks = 0;
  #launches = 0;
  /** Why the last launch failed. */
  #failure: LaunchError | undefined;
  #isOver = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** The software, from its launch until its whole tree is gone. */
  get running(): RunningLeader | undefined {
    return this.#running;
  }

  /** Resolves when the software has been launched for the first time. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Whether a process is the software that runs, or one that it has brought forth. */
  isOfSoftware(pid: number): boolean {
    const { platform } = this.#options;
    return this.#running !== undefined && platform.isDescendant(pid, this.#running.leader);
  }

  get settings(): SupervisionSettings {
    return this.#settings;
  }

  get health(): Health {
    return this.#health;
  }

  /** Launches behind the first. */
  get restarts(): number {
    return Math.max(0, this.#launches - 1);
  }

  /** From now on these settings hold; checks of health begin anew. */
  configure(settings: SupervisionSettings): void {
    this.#settings = settings;
    const changed = this.#changed;
    this.#changed = new AbortController();
    changed.abort();
  }

  /**
   * Stops the software with all that it brought forth and launches it again; resolves when it runs.
   *
   * @throws {SentinelError} `usage.restart` where there is nothing to restart any more.
   */
  async restart(): Promise<void> {
    if (this.#isOver) throw new SentinelError("usage.restart", "the software is being stopped");
    const launched = this.#launched = Promise.withResolvers<void>();
    launched.promise.catch(() => {});
    this.#asked.abort();
    await launched.promise;
  }

  /**
   * Launches the software and keeps it running until it has ended for good, or `signal` is aborted. Nothing of it is left
   * when this resolves or rejects.
   *
   * @returns Its exit status; `undefined` where the signal came first.
   * @throws {LaunchError} where it cannot be launched the first time; {ChecksumError} each time; {RecoveryError}.
   */
  async run(signal: AbortSignal): Promise<number | undefined> {
    const { clock, random } = this.#options;
    try {
      const end = await keepRunning({
        policy: () => this.#settings.policy,
        clock,
        random,
        start: () => this.#start(signal),
        wake: () => this.#asked.signal,
        onRestart: (restart) => this.#tell(restart),
      }, signal);
      if (end.kind === "asked") return undefined;
      if (end.kind === "give_up") throw new RecoveryError(end.attempts);
      if (end.end.kind === "exited" || end.end.kind === "killed") return end.end.code;
      throw this.#failure ?? new RecoveryError(0);
    } finally {
      this.#isOver = true;
      this.#launched.reject(new SentinelError("usage.restart", "the software is being stopped"));
      this.#launched.promise.catch(() => {});
    }
  }

  /** Only the first launch must succeed; a file that is not the verified one is never tried again. */
  async #start(signal: AbortSignal): Promise<Run | undefined> {
    this.#asked = new AbortController();
    let software: Software;
    try {
      software = await this.#options.launch((leader) => this.#enter(leader));
    } catch (error) {
      this.#running = undefined;
      if (this.#launches === 0 || !(error instanceof LaunchError)) throw error;
      this.#options.log.error(describeError(error));
      this.#failure = error;
      return undefined;
    }
    this.#launches++;
    this.#health = UNKNOWN_HEALTH;
    this.#options.log.debug("software launched", { pid: software.root.leader.pid });
    this.#options.onLaunched();
    this.#started.resolve();
    this.#launched.resolve();
    return { ended: this.#stay(software, signal) };
  }

  #enter(leader: ProcessIdentity): void {
    const atMs = this.#goodUntilMs = this.#options.clock.monotonicMs();
    this.#running = { leader, atMs };
  }

  /** Until it has ended, or has to end, and nothing of it is left. */
  async #stay(software: Software, signal: AbortSignal): Promise<LaunchedEnd> {
    const over = new AbortController();
    try {
      const asked = AbortSignal.any([signal, this.#asked.signal, over.signal]);
      const kind = await Promise.race([
        software.exited,
        whenAborted(asked).then(() => "asked" as const),
        this.#becomeUnhealthy(software, over.signal),
      ]);
      const healthyMs = this.#healthyMs();
      if (typeof kind === "string") return { kind, healthyMs };
      return kind.signal === undefined
        ? { kind: "exited", code: kind.code, healthyMs }
        : { kind: "killed", code: kind.code, healthyMs };
    } finally {
      over.abort();
      await software[Symbol.asyncDispose]();
      this.#running = undefined;
    }
  }

  /** Resolves when it has to be started anew because of it; never, where it is well to the end. */
  async #becomeUnhealthy(software: Software, over: AbortSignal): Promise<"unhealthy"> {
    while (!over.aborted) {
      const settings = this.#settings;
      const signal = AbortSignal.any([over, this.#changed.signal]);
      if (settings.health === undefined) {
        await whenAborted(signal);
        continue;
      }
      const { status } = await this.#options.watchHealth(software, {
        settings,
        onChecked: (health) => this.#note(health),
      }, signal);
      if (status === "unhealthy" && settings.policy.restartOnFailure && !signal.aborted) {
        return "unhealthy";
      }
    }
    return await new Promise(() => {});
  }

  /** Rounds of checks so far, of all launches. */
  get healthChecks(): number {
    return this.#healthChecks;
  }

  #note(health: Health): void {
    const { clock, log } = this.#options;
    const { consecutiveFailures, lastError } = health;
    this.#healthChecks++;
    if (consecutiveFailures === 0) this.#goodUntilMs = clock.monotonicMs();
    else log.warn(`health check failed (${consecutiveFailures} in a row): ${lastError}`);
    this.#health = health;
  }

  /** How long the software was up, and as far as anybody knows well. */
  #healthyMs(): number {
    const nowMs = this.#options.clock.monotonicMs();
    const untilMs = this.#health.consecutiveFailures > 0 ? this.#goodUntilMs : nowMs;
    return untilMs - this.#running!.atMs;
  }

  #tell({ attempt, delayMs, end }: { attempt: number; delayMs: number; end: RunEnd }): void {
    const { log } = this.#options;
    if (end.kind === "asked") return log.info("restarting the software: asked to");
    const { maxRestartAttempts } = this.#settings.policy;
    const when = delayMs === 0 ? "now" : `in ${Math.round(delayMs)} ms`;
    log.warn(
      `the software ${describeEnd(end)}: restart ${attempt} of ${maxRestartAttempts} ${when}`,
    );
  }
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

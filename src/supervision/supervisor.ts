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
import { SoftwareHealth } from "./child_health.ts";

/** A restart that is about to be. */
export interface Restart {
  readonly attempt: number;
  readonly delayMs: number;
  /** What made it necessary. */
  readonly end: RunEnd;
}

/** The line of the log that tells of it. */
export function describeRestart(
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
class RecoveryError extends SentinelError {
  constructor(readonly attempts: number) {
    super("recovery.exhausted", "maximum recovery attempts reached");
  }
}

interface SupervisorOptions extends Pick<Host, "clock" | "random" | "log"> {
  readonly settings: SupervisionSettings;
  /** Launches the software, for the supervisor to dispose of; tells its leader before that can have got far. */
  readonly launch: (onLaunched: (leader: ProcessIdentity) => void) => Promise<ManagedProcess>;
  readonly platform: Pick<Platform, "isDescendant">;
  /** Looks after it until it is unhealthy, or `signal` is aborted; called only where `settings.health` is there. */
  readonly watchHealth: (
    software: ManagedProcess,
    watch: { settings: SupervisionSettings; onChecked: (health: Health) => void },
    signal: AbortSignal,
  ) => Promise<Health>;
  /** Called when the software has been launched, each time. */
  readonly onLaunched: () => void;
}

type LaunchedEnd = Exclude<RunEnd, { kind: "not_launched" }>;

/** The software that runs, as who asks is told. */
interface RunningLeader {
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
  /** There while the software is to stay stopped; how it is stopped, and what ends that. */
  #hold: { readonly how: StopOptions; readonly released: PromiseWithResolvers<void> } | undefined;
  #running: RunningLeader | undefined;
  readonly #health: SoftwareHealth;
  #launches = 0;
  /** Why the last launch failed. */
  #failure: LaunchError | undefined;
  #isOver = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#health = new SoftwareHealth(options);
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
    return this.#health.current;
  }

  /** Whether somebody wants it to stay stopped. */
  get isHeld(): boolean {
    return this.#hold !== undefined;
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
    this.#requireMore();
    const launched = this.#launched = Promise.withResolvers<void>();
    launched.promise.catch(() => {});
    this.#hold?.released.resolve();
    this.#hold = undefined;
    this.#asked.abort();
    await launched.promise;
  }

  /**
   * Has the software stopped with all that it brought forth, and keeps it so until it is restarted.
   *
   * @throws {SentinelError} `usage.restart` where it is being stopped for good.
   */
  hold(how: StopOptions = {}): void {
    this.#requireMore();
    this.#options.log.info("the software stays stopped until it is restarted: asked to");
    this.#hold = { how, released: this.#hold?.released ?? Promise.withResolvers() };
    this.#asked.abort();
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
      this.#launched.reject(beingStopped());
      this.#launched.promise.catch(() => {});
    }
  }

  /** Only the first launch must succeed; a file that is not the verified one is never tried again. */
  async #start(signal: AbortSignal): Promise<ProcessRun | undefined> {
    if (this.#hold !== undefined) {
      await Promise.race([this.#hold.released.promise, aborted(signal)]);
      if (signal.aborted) return undefined;
    }
    this.#asked = new AbortController();
    let software: ManagedProcess;
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
    this.#options.log.debug("software launched", { pid: software.root.leader.pid });
    this.#options.onLaunched();
    this.#started.resolve();
    this.#launched.resolve();
    return { ended: this.#stay(software, signal) };
  }

  #enter(leader: ProcessIdentity): void {
    this.#running = { leader, atMs: this.#health.begin() };
  }

  /** Until it has ended, or has to end, and nothing of it is left. */
  async #stay(software: ManagedProcess, signal: AbortSignal): Promise<LaunchedEnd> {
    const over = new AbortController();
    try {
      const asked = AbortSignal.any([signal, this.#asked.signal, over.signal]);
      const kind = await Promise.race([
        software.child.exited,
        aborted(asked).then(() => "asked" as const),
        this.#becomeUnhealthy(software, over.signal),
      ]);
      const healthyMs = this.#health.healthyMs;
      if (typeof kind === "string") return { kind, healthyMs };
      return kind.signal === undefined
        ? { kind: "exited", code: kind.code, healthyMs }
        : { kind: "killed", code: kind.code, healthyMs };
    } finally {
      over.abort();
      await software.stop(this.#hold?.how);
      this.#running = undefined;
    }
  }

  /** Resolves when it has to be started anew because of it; never, where it is well to the end. */
  async #becomeUnhealthy(software: ManagedProcess, over: AbortSignal): Promise<"unhealthy"> {
    while (!over.aborted) {
      const settings = this.#settings;
      const signal = AbortSignal.any([over, this.#changed.signal]);
      if (settings.health === undefined) {
        await aborted(signal);
        continue;
      }
      const { status } = await this.#options.watchHealth(software, {
        settings,
        onChecked: (health) => this.#health.note(health),
      }, signal);
      if (status === "unhealthy" && settings.policy.restartOnFailure && !signal.aborted) {
        return "unhealthy";
      }
    }
    return await new Promise(() => {});
  }

  #tell(restart: Restart): void {
    const { log } = this.#options;
    if (this.#hold !== undefined) return;
    if (restart.end.kind === "asked") return log.info("restarting the software: asked to");
    log.warn(describeRestart(restart, this.#settings.policy));
  }

  #requireMore(): void {
    if (this.#isOver) throw beingStopped();
  }
}

function beingStopped(): SentinelError {
  return new SentinelError("usage.restart", "the software is being stopped");
}

import type { Clock } from "../core/clock.ts";
import type { TamperFinding } from "./tamper_findings.ts";
import type { BootReading } from "../platform/contract.ts";
import type { AliveMark, LicenseRecord } from "../state/state_file.ts";

/** Largest difference between two clocks that does not count as a rollback. */
const CLOCK_TOLERANCE_MS = 300_000;

/**
 * The latest known time: the maximum of the saved state, the server's signed time and the wall clock, advanced by the
 * monotonic clock, which cannot be set.
 */
export class TrustedTime {
  readonly #clock: Clock;
  /** The trusted time, milliseconds since the Unix epoch, when the monotonic clock read `#atMs`. */
  #trueMs: number;
  #atMs: number;
  /** How far behind the wall clock was at the last reported rollback. */
  #reportedMs = 0;

  /** @param latestMs Latest time of an earlier run, milliseconds since the Unix epoch; 0 on the first run. */
  constructor(clock: Clock, latestMs: number) {
    this.#clock = clock;
    this.#trueMs = latestMs;
    this.#atMs = clock.monotonicMs();
  }

  /** Now, milliseconds since the Unix epoch; never earlier than the latest known time. */
  nowMs(): number {
    return Math.floor(Math.max(this.#clock.wallMs(), this.#advancedMs()));
  }

  /** Adopts the time of a signed answer to a request just made, even if it is earlier than the time known so far. */
  confirm(trueMs: number): void {
    this.#trueMs = trueMs;
    this.#atMs = this.#clock.monotonicMs();
  }

  /**
   * Detects that the wall clock was set back. Each rollback is returned once, and again only if it grows.
   *
   * @returns Milliseconds by which the wall clock is behind.
   */
  takeRollback(): number | undefined {
    const wallMs = this.#clock.wallMs();
    const behindMs = this.#advancedMs() - wallMs;
    if (behindMs < 0) this.confirm(wallMs);
    if (behindMs <= CLOCK_TOLERANCE_MS) this.#reportedMs = 0;
    if (behindMs <= this.#reportedMs + CLOCK_TOLERANCE_MS) return undefined;
    this.#reportedMs = behindMs;
    return behindMs;
  }

  get isWallRight(): boolean {
    return this.#advancedMs() - this.#clock.wallMs() <= CLOCK_TOLERANCE_MS;
  }

  describeRollback(): TamperFinding {
    const iso = (ms: number) => new Date(ms).toISOString();
    const shown = iso(this.#clock.wallMs());
    return {
      kind: "clock_rollback",
      message: "clock rollback detected",
      evidence: `wall clock shows ${shown}, but it is at least ${iso(this.nowMs())}`,
    };
  }

  #advancedMs(): number {
    return this.#trueMs + this.#clock.monotonicMs() - this.#atMs;
  }
}

/** How often a run without the server saves that it is alive, and how long a killed run can have outlived the last save. */
export const ALIVE_EVERY_MS = 55_000;
const LONGEST_UNSEEN_MS = 60_000;

/** Readings of the two clocks that continue when a process ends. */
export interface Moment {
  /** Milliseconds since the Unix epoch; may have been set. */
  readonly wallMs: number;
  readonly boot: BootReading;
}

/** Converts a moment to its form in the state file. */
export function markAlive({ wallMs, boot }: Moment): AliveMark {
  return { wall_ms: wallMs, boot_id: boot.bootId, boot_ms: boot.bootMs };
}

/**
 * Milliseconds that earlier runs spent without the server and that were never charged. A killed run counts as running
 * from its last alive mark until now, or until the next mark was due.
 */
export function computeUnchargedMs(record: LicenseRecord, now: Moment): number {
  const { last_alive, unpaid_ms } = record;
  return last_alive === null ? unpaid_ms : unpaid_ms + computeUnseenMs(last_alive, now);
}

function computeUnseenMs(mark: AliveMark, { wallMs, boot }: Moment): number {
  const isSameBoot = mark.boot_id !== "" && mark.boot_id === boot.bootId;
  const wallPassedMs = wallMs - mark.wall_ms;
  if (!isSameBoot) return limitUnseen(wallPassedMs);
  // a time namespace sets the clock since boot back (time_namespaces(7)), and root the wall clock
  const bootPassedMs = boot.bootMs - mark.boot_ms;
  return Math.max(
    limitUnseen(bootPassedMs),
    Math.max(0, Math.min(wallPassedMs, LONGEST_UNSEEN_MS)),
  );
}

/** A clock that was set back shows nothing, so the most is assumed. */
function limitUnseen(passedMs: number): number {
  return passedMs < 0 ? LONGEST_UNSEEN_MS : Math.min(passedMs, LONGEST_UNSEEN_MS);
}

/** A reading of the monotonic clock, and how long the machine had slept by then, as far as that clock counts sleep. */
export interface AwakeReading {
  readonly monotonicMs: number;
  readonly sleptMs: number;
}

interface OfflineTimeOptions {
  readonly read: () => AwakeReading;
  /** The most that time asleep counts for: it is no use of the software. */
  readonly longestSleepMs: number;
}

/** Measures the time of a run without the server, and how much of it has been charged. */
export class OfflineTime {
  readonly #options: OfflineTimeOptions;
  #since: AwakeReading | undefined;
  #chargedMs = 0;

  constructor(options: OfflineTimeOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#since !== undefined;
  }

  /**
   * Milliseconds without the server that are not charged yet. Negative if an early heartbeat was missed, because each
   * miss costs a whole interval.
   */
  get unchargedMs(): number {
    if (this.#since === undefined) return 0;
    const { read, longestSleepMs } = this.#options;
    const now = read();
    const sleptMs = now.sleptMs - this.#since.sleptMs;
    const usedMs = now.monotonicMs - this.#since.monotonicMs -
      Math.max(0, sleptMs - longestSleepMs);
    return Math.ceil(usedMs) - this.#chargedMs;
  }

  /**
   * Has no effect if it is running already.
   *
   * @param since When the server was last reachable.
   */
  start(since: AwakeReading): void {
    this.#since ??= since;
  }

  charge(ms: number): void {
    this.#chargedMs += ms;
  }

  stop(): void {
    this.#since = undefined;
    this.#chargedMs = 0;
  }
}

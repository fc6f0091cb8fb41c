import type { Clock } from "../core/clock.ts";
import type { Finding } from "./tamper_findings.ts";
import type { BootReading } from "../platform/contract.ts";
import type { AliveMark, LicenseRecord } from "../state/state_file.ts";

/** What clocks may differ by before one of them is taken to have been set back; milliseconds. */
const CLOCK_TOLERANCE_MS = 300_000;

/**
 * The latest time known to be true: from what was saved, what the server signed and what the wall clock showed, carried on
 * by the monotonic clock, which nobody can set.
 */
export class TrustedTime {
  readonly #clock: Clock;
  /** A time that was true when the monotonic clock showed the other. */
  #trueMs: number;
  #atMs: number;
  /** How far behind the wall clock was when that was told last. */
  #toldMs = 0;

  /** @param latestMs Milliseconds since the Unix epoch, of an earlier run; 0 where there was none. */
  constructor(clock: Clock, latestMs: number) {
    this.#clock = clock;
    this.#trueMs = latestMs;
    this.#atMs = clock.monotonicMs();
  }

  /** Now, milliseconds since the Unix epoch; never earlier than what is known to be true. */
  nowMs(): number {
    return Math.floor(Math.max(this.#clock.wallMs(), this.#carriedOnMs()));
  }

  /** A signed answer to a request of this moment: it is right also where it is earlier than what was believed. */
  confirm(trueMs: number): void {
    this.#trueMs = trueMs;
    this.#atMs = this.#clock.monotonicMs();
  }

  /**
   * Milliseconds by which the wall clock is behind, where it was set back; told once, and again where it is set back
   * further.
   */
  takeRollback(): number | undefined {
    const wallMs = this.#clock.wallMs();
    const behindMs = this.#carriedOnMs() - wallMs;
    if (behindMs < 0) this.confirm(wallMs);
    if (behindMs <= CLOCK_TOLERANCE_MS) this.#toldMs = 0;
    if (behindMs <= this.#toldMs + CLOCK_TOLERANCE_MS) return undefined;
    this.#toldMs = behindMs;
    return behindMs;
  }

  /** Whether the wall clock shows what it may. */
  get isWallRight(): boolean {
    return this.#carriedOnMs() - this.#clock.wallMs() <= CLOCK_TOLERANCE_MS;
  }

  /** What {@linkcode takeRollback} found, in plain words. */
  describeRollback(): Finding {
    const iso = (ms: number) => new Date(ms).toISOString();
    const shown = iso(this.#clock.wallMs());
    return {
      kind: "clock_rollback",
      message: "clock rollback detected",
      evidence: `it shows ${shown}, at least ${iso(this.nowMs())} is known to be true`,
    };
  }

  #carriedOnMs(): number {
    return this.#trueMs + this.#clock.monotonicMs() - this.#atMs;
  }
}

/** How often a run without the server notes that it is alive, and the longest a killed one can have gone without. */
export const ALIVE_EVERY_MS = 55_000;
const LONGEST_UNSEEN_MS = 60_000;

/** A reading of both clocks that outlive a process. */
export interface Moment {
  /** Milliseconds since the Unix epoch; may be wrong. */
  readonly wallMs: number;
  readonly boot: BootReading;
}

/** The moment as it is kept in the state. */
export function markAlive({ wallMs, boot }: Moment): AliveMark {
  return { wall_ms: wallMs, boot_id: boot.bootId, boot_ms: boot.bootMs };
}

/**
 * Milliseconds that earlier runs used without the server and never paid for. Of a killed run it is not known how long it
 * went on after its last mark: until now, but no longer than to the mark that never came.
 */
export function unchargedMs(record: LicenseRecord, now: Moment): number {
  const { last_alive, unpaid_ms } = record;
  return last_alive === null ? unpaid_ms : unpaid_ms + unseenMs(last_alive, now);
}

function unseenMs(mark: AliveMark, { wallMs, boot }: Moment): number {
  const isSameBoot = mark.boot_id !== "" && mark.boot_id === boot.bootId;
  const passedMs = isSameBoot ? boot.bootMs - mark.boot_ms : wallMs - mark.wall_ms;
  return passedMs < 0 ? LONGEST_UNSEEN_MS : Math.min(passedMs, LONGEST_UNSEEN_MS);
}

/** Adds up the time of a run without the server, and what of it has been paid for. */
export class OfflineTime {
  readonly #clock: Clock;
  #sinceMs: number | undefined;
  #paidMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isRunning(): boolean {
    return this.#sinceMs !== undefined;
  }

  /**
   * Milliseconds without the server that are not paid for. Less than none where a heartbeat that came early was missed, as
   * each costs a whole interval.
   */
  get unpaidMs(): number {
    return this.#sinceMs === undefined
      ? 0
      : Math.ceil(this.#clock.monotonicMs() - this.#sinceMs) - this.#paidMs;
  }

  /** @param sinceMs When the server was last there, by the monotonic clock. Nothing happens where it runs already. */
  start(sinceMs: number): void {
    this.#sinceMs ??= sinceMs;
  }

  pay(ms: number): void {
    this.#paidMs += ms;
  }

  stop(): void {
    this.#sinceMs = undefined;
    this.#paidMs = 0;
  }
}

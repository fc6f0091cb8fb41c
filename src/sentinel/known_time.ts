import type { Clock } from "../core/clock.ts";
import type { Finding } from "./findings.ts";

/** What clocks may differ by before one of them is taken to have been set back; milliseconds. */
const CLOCK_TOLERANCE_MS = 300_000;

/**
 * The latest time known to be true: from what was saved, what the server signed and what the wall clock showed, carried on
 * by the monotonic clock, which nobody can set.
 */
export class KnownTime {
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

import { TrustedTime as RealTrustedTime } from "../../../src/enforcement/trusted_time.ts";
import type { Clock } from "../../../src/core/clock.ts";

export * from "../../../src/enforcement/trusted_time.ts";

/** For `src/enforcement/trusted_time.ts`: it is what time the wall clock shows. */
export class TrustedTime extends RealTrustedTime {
  readonly #wallMs: () => number;

  constructor(clock: Clock) {
    super(clock, 0);
    this.#wallMs = clock.wallMs;
  }

  override nowMs(): number {
    return this.#wallMs();
  }

  override takeRollback(): undefined {
    return undefined;
  }
}

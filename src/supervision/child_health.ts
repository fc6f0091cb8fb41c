import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { type Health, UNKNOWN_HEALTH } from "../process/health.ts";

/** What the checks found of the software that runs. */
export class SoftwareHealth {
  readonly #deps: { readonly clock: Clock; readonly log: Logger };
  #current = UNKNOWN_HEALTH;
  #launchedMs = 0;
  /** The last round of checks that found nothing; like the launch by the monotonic clock. */
  #goodUntilMs = 0;

  constructor(deps: { readonly clock: Clock; readonly log: Logger }) {
    this.#deps = deps;
  }

  get current(): Health {
    return this.#current;
  }

  /** The software has just been launched, of which nothing is known; when that was, by the monotonic clock. */
  begin(): number {
    this.#current = UNKNOWN_HEALTH;
    return this.#launchedMs = this.#goodUntilMs = this.#deps.clock.monotonicMs();
  }

  note(health: Health): void {
    const { clock, log } = this.#deps;
    const { consecutiveFailures, lastError } = health;
    if (consecutiveFailures === 0) this.#goodUntilMs = clock.monotonicMs();
    else log.warn(`health check failed (${consecutiveFailures} in a row): ${lastError}`);
    this.#current = health;
  }

  /** How long the software was up, and as far as anybody knows well. */
  get healthyMs(): number {
    const isWell = this.#current.consecutiveFailures === 0;
    const untilMs = isWell ? this.#deps.clock.monotonicMs() : this.#goodUntilMs;
    return untilMs - this.#launchedMs;
  }
}

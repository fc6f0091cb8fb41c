import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { type Health, UNKNOWN_HEALTH } from "../process/health.ts";

/** The health of the running child, and for how long it has been healthy. */
export class ChildHealth {
  readonly #deps: { readonly clock: Clock; readonly log: Logger };
  #current = UNKNOWN_HEALTH;
  #launchedMs = 0;
  /** The last round of checks without a failure; monotonic clock, like the launch. */
  #healthyUntilMs = 0;

  constructor(deps: { readonly clock: Clock; readonly log: Logger }) {
    this.#deps = deps;
  }

  get current(): Health {
    return this.#current;
  }

  /**
   * Resets the health at a launch.
   *
   * @returns The time of the launch; monotonic clock.
   */
  begin(): number {
    this.#current = UNKNOWN_HEALTH;
    return this.#launchedMs = this.#healthyUntilMs = this.#deps.clock.monotonicMs();
  }

  note(health: Health): void {
    const { clock, log } = this.#deps;
    const { consecutiveFailures, lastError } = health;
    if (consecutiveFailures === 0) this.#healthyUntilMs = clock.monotonicMs();
    else log.warn(`health check failed (${consecutiveFailures} in a row): ${lastError}`);
    this.#current = health;
  }

  /** How long the child was up and, as far as is known, healthy. */
  get healthyMs(): number {
    const isHealthy = this.#current.consecutiveFailures === 0;
    const untilMs = isHealthy ? this.#deps.clock.monotonicMs() : this.#healthyUntilMs;
    return untilMs - this.#launchedMs;
  }
}

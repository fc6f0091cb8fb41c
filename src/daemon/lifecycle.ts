import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { type LifecycleEffect, type LifecycleEvent, type LifecycleState } from "./transitions.ts";
import { transition } from "./transitions.ts";

/** A change of state; the time is the wall clock's milliseconds. */
export interface LifecycleChange {
  readonly from: LifecycleState;
  readonly to: LifecycleState;
  readonly atMs: number;
  readonly effects: readonly LifecycleEffect[];
}

export interface LifecycleOptions {
  readonly clock: Pick<Clock, "wallMs">;
  readonly log: Logger;
}

/** A daemon's state, from `stopped` to `stopped`. Every change is in the log, and told to whoever wants to know. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #listeners: ((change: LifecycleChange) => void)[] = [];
  #state: LifecycleState = "stopped";
  #sinceMs: number;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.wallMs();
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** When the state was entered, milliseconds since the Unix epoch. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Calls back at every change from now on. */
  onChange(listener: (change: LifecycleChange) => void): void {
    this.#listeners.push(listener);
  }

  /** @throws {InvalidTransitionError} and then nothing has changed. */
  advance(event: LifecycleEvent): void {
    const { state: to, effects } = transition(this.#state, event);
    const from = this.#state;
    const atMs = this.#options.clock.wallMs();
    this.#state = to;
    this.#sinceMs = atMs;
    this.#options.log.info(`state: ${from} -> ${to}`);
    for (const tell of this.#listeners) tell({ from, to, atMs, effects });
  }
}

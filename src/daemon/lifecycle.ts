import { SentinelError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";

/** Where a daemon's life is. `error` is the end of one that went wrong. */
export type LifecycleState =
  | "stopped"
  | "starting"
  | "running"
  | "reloading"
  | "stopping"
  | "error";

/** What makes it change. */
export type LifecycleEvent =
  | "start"
  | "started"
  | "reload"
  | "reloaded"
  | "stop"
  | "stopped"
  | "fail";

/** What is due at a change; performed elsewhere. */
export type LifecycleEffect =
  | "announce_ready"
  | "announce_reloading"
  | "announce_stopping"
  | "release_everything";

interface Transition {
  readonly state: LifecycleState;
  readonly effects: readonly LifecycleEffect[];
}

/** Where each event leads, by the only state that it is for; a failure is for all of them. */
const TABLE: Readonly<
  Record<Exclude<LifecycleEvent, "fail">, Transition & { readonly from: LifecycleState }>
> = {
  start: { from: "stopped", state: "starting", effects: [] },
  started: { from: "starting", state: "running", effects: ["announce_ready"] },
  reload: { from: "running", state: "reloading", effects: ["announce_reloading"] },
  reloaded: { from: "reloading", state: "running", effects: ["announce_ready"] },
  stop: { from: "running", state: "stopping", effects: ["announce_stopping"] },
  stopped: { from: "stopping", state: "stopped", effects: ["release_everything"] },
};

const FAILED: Transition = { state: "error", effects: ["announce_stopping", "release_everything"] };

/** Something was to happen that must not at this time. */
export class InvalidTransitionError extends SentinelError {
  constructor(readonly from: LifecycleState, readonly to: LifecycleState) {
    super("usage.transition", `invalid state transition: ${from} -> ${to}`);
  }
}

/**
 * The state that follows, and what is due.
 *
 * @throws {InvalidTransitionError} where the event is not for this state.
 */
export function transition(state: LifecycleState, event: LifecycleEvent): Transition {
  if (event === "fail") return FAILED;
  const { from, ...next } = TABLE[event];
  if (from !== state) throw new InvalidTransitionError(state, next.state);
  return next;
}

/** A change of state; the time is the wall clock's milliseconds. */
export interface LifecycleChange {
  readonly from: LifecycleState;
  readonly to: LifecycleState;
  readonly atMs: number;
  readonly effects: readonly LifecycleEffect[];
}

interface LifecycleOptions {
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

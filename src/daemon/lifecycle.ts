import type { Host } from "../platform/host.ts";
import { SentinelError } from "../core/errors.ts";

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

/** Where each event leads, from the only state that it is for; a failure is for all of them. */
const TRANSITIONS = {
  start: ["stopped", "starting"],
  started: ["starting", "running"],
  reload: ["running", "reloading"],
  reloaded: ["reloading", "running"],
  stop: ["running", "stopping"],
  stopped: ["stopping", "stopped"],
} as const satisfies Record<Exclude<LifecycleEvent, "fail">, readonly LifecycleState[]>;

/** Something was to happen that must not at this time. */
export class InvalidTransitionError extends SentinelError {
  constructor(readonly from: LifecycleState, readonly to: LifecycleState) {
    super("usage.transition", `invalid state transition: ${from} -> ${to}`);
  }
}

/**
 * The state that follows.
 *
 * @throws {InvalidTransitionError} if the event is not for this state.
 */
export function transition(state: LifecycleState, event: LifecycleEvent): LifecycleState {
  if (event === "fail") return "error";
  const [from, to] = TRANSITIONS[event];
  if (from !== state) throw new InvalidTransitionError(state, to);
  return to;
}

/** A change of state; the time is the wall clock's milliseconds. */
export interface LifecycleChange {
  readonly from: LifecycleState;
  readonly to: LifecycleState;
  readonly atMs: number;
}

/** What a service manager hears of a state (sd_notify(3)). */
export type Announcement = "READY" | "RELOADING" | "STOPPING";

/** The daemon, as its states act on it. */
export interface LifecycleHost {
  /** Tells the service manager of the state, with its word for it, if there is one. */
  announce(state: LifecycleState, announcement?: Announcement): void;
  /** Called each time the daemon runs, after a reload as well. */
  onRunning(): void;
  /** Limits the time that the shutdown may take. */
  startDeadline(): void;
  /** Tells those who watch the socket. */
  publish(change: LifecycleChange): void;
}

interface LifecycleOptions extends Pick<Host, "clock" | "log"> {
  readonly host: LifecycleHost;
}

/** A daemon's state, from `stopped` to `stopped`. Every change is in the log, and acts on the daemon. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
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

  /** @throws {InvalidTransitionError} and then nothing has changed. */
  advance(event: LifecycleEvent): void {
    const from = this.#state, to = transition(from, event);
    this.#state = to;
    this.#sinceMs = this.#options.clock.wallMs();
    this.#options.log.info(`state: ${from} -> ${to}`);
    this.#enter(to);
    this.#options.host.publish({ from, to, atMs: this.#sinceMs });
  }

  #enter(state: LifecycleState): void {
    const { host } = this.#options;
    switch (state) {
      case "running":
        host.announce(state, "READY");
        host.onRunning();
        break;
      case "reloading":
        host.announce(state, "RELOADING");
        break;
      case "stopping":
        host.announce(state, "STOPPING");
        host.startDeadline();
        break;
      case "error":
        host.announce(state, "STOPPING");
        break;
      case "starting":
      case "stopped":
        host.announce(state);
    }
  }
}

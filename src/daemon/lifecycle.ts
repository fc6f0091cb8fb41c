import type { Host } from "../platform/host.ts";
import { SentinelError } from "../core/errors.ts";

/** `error` is final. */
export type LifecycleState =
  | "stopped"
  | "starting"
  | "running"
  | "reloading"
  | "stopping"
  | "error";

export type LifecycleEvent =
  | "start"
  | "started"
  | "reload"
  | "reloaded"
  | "stop"
  | "stopped"
  | "fail";

/** The state in which each event is valid, and the next one; `fail` is valid in all states. */
const TRANSITIONS = {
  start: ["stopped", "starting"],
  started: ["starting", "running"],
  reload: ["running", "reloading"],
  reloaded: ["reloading", "running"],
  stop: ["running", "stopping"],
  stopped: ["stopping", "stopped"],
} as const satisfies Record<Exclude<LifecycleEvent, "fail">, readonly LifecycleState[]>;

/** An event is not valid in the current state. */
export class InvalidTransitionError extends SentinelError {
  constructor(readonly from: LifecycleState, readonly to: LifecycleState) {
    super("usage.transition", `invalid state transition: ${from} -> ${to}`);
  }
}

/**
 * Returns the next state.
 *
 * @throws {InvalidTransitionError} if the event is not valid in this state.
 */
export function transition(state: LifecycleState, event: LifecycleEvent): LifecycleState {
  if (event === "fail") return "error";
  const [from, to] = TRANSITIONS[event];
  if (from !== state) throw new InvalidTransitionError(state, to);
  return to;
}

/** A change of state; `atMs` is the wall clock, milliseconds since the Unix epoch. */
export interface LifecycleChange {
  readonly from: LifecycleState;
  readonly to: LifecycleState;
  readonly atMs: number;
}

/** Notifications to a service manager (sd_notify(3)). */
export type Announcement = "READY" | "RELOADING" | "STOPPING";

/** The effects of states on the daemon. */
export interface LifecycleHost {
  /** Notifies the service manager. */
  announce(state: LifecycleState, announcement?: Announcement): void;
  /** Called when `running` is entered, also after a reload. */
  onRunning(): void;
  /** Starts the time limit of the shutdown. */
  startDeadline(): void;
  /** Publishes the change to the socket's watchers. */
  publish(change: LifecycleChange): void;
}

interface LifecycleOptions extends Pick<Host, "clock" | "log"> {
  readonly host: LifecycleHost;
}

/** The daemon's state machine. Logs and publishes every change. */
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

  /** @throws {InvalidTransitionError} if the event is not valid; the state has not changed then. */
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

import { SentinelError } from "../core/errors.ts";
import type { ControlHandler, ControlMethod } from "../ipc/service.ts";

/** What the control methods of a run do. */
export interface RunControlOptions {
  /** Ends the run as SIGTERM does. */
  readonly stop: () => void;
  /** What `stats` answers. */
  readonly stats: () => object;
}

/** The control methods as `sentinel run` knows them; the others are the daemon's. */
export function runControl(
  { stop, stats }: RunControlOptions,
): Readonly<Record<ControlMethod, ControlHandler>> {
  return { stop, stats, reload: refuse, restart: refuse, debug: refuse };
}

function refuse(): never {
  throw new SentinelError("usage.control", "not supported by sentinel run");
}

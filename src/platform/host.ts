import type { Env } from "../core/process.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { OnSignal, Platform } from "./contract.ts";

/** A program's environment, created in `src/app/host.ts`. Code that needs a part of it declares a `Pick<Host, …>`. */
export interface Host {
  readonly platform: Platform;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Makes a UUID v4. */
  readonly newUuid: () => string;
  readonly env: Env;
  readonly onSignal: OnSignal;
  /** This process's pid. */
  readonly pid: number;
}

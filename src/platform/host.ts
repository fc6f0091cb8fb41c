import type { Env } from "../core/process.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { OnSignal, Platform } from "./contract.ts";

/**
 * What a program has of the world around it, passed whole (`src/app/host.ts` has the real one); a part that needs little of
 * it declares a `Pick<Host, …>`.
 */
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
  /** Our own pid. */
  readonly pid: number;
}

import type { Clock } from "../core/clock.ts";
import { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { loadValidLicense } from "../license/load_license.ts";
import type { Platform } from "../platform/contract.ts";
import type { Verify } from "../signing/ecdsa.ts";
import type { TamperPolicy } from "./degradation_schedule.ts";
import { runStandard } from "./standard.ts";
import type { StopRequest } from "./stop_request.ts";

/** What the user wants to be run. */
export interface RunRequest {
  readonly licensePath: string;
  /** Absolute. */
  readonly softwarePath: string;
  readonly softwareArgs: readonly string[];
  /** Overrides the licence's own. */
  readonly serverUrl: string | undefined;
  /** What is done about tampering (default: `degrade`). */
  readonly tamperPolicy?: TamperPolicy;
  /** The folder for state and keys; asked for only where one is needed. */
  readonly stateFolder: () => string;
}

/** What a run works with; built in `compose.ts`. */
export interface RunDependencies {
  readonly platform: Platform;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Makes a UUID v4. */
  readonly newUuid: () => string;
  readonly fetch: typeof fetch;
  readonly log: Logger;
  /** With the organisation's public key. */
  readonly verify: Verify;
  readonly pid: number;
  readonly stopRequest: StopRequest;
  readonly readVariable: (name: string) => string | undefined;
}

/**
 * Proves the licence, launches the software and stays until it ends.
 *
 * @returns The software's exit status; 0 where we were asked to stop.
 * @throws {SentinelError} Why nothing was launched, or why the software was stopped.
 */
export async function runSentinel(request: RunRequest, deps: RunDependencies): Promise<number> {
  const { verify, clock } = deps;
  const license = await loadValidLicense(request.licensePath, { verify, wallMs: clock.wallMs() });
  if (license.license_type === "STANDARD") return await runStandard(license, request, deps);
  throw new SentinelError(
    "hardware.unsupported",
    "HARDWARE_BOUND licenses are not supported by this version",
  );
}

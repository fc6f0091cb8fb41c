import type { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { whenAborted } from "../core/when_aborted.ts";
import type { CurrentLicense } from "./licensing.ts";
import type { StopRequest } from "./stop_request.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Watch } from "./watches.ts";

export interface SuperviseOptions {
  readonly supervisor: Supervisor;
  readonly current: CurrentLicense;
  readonly tampering: Watch;
  readonly stopRequest: StopRequest;
  /** Called when the end has begun, before the software is stopped. */
  readonly onEnding: () => Promise<void>;
  readonly log: Logger;
}

/** What ended a run. */
type Ending =
  | { readonly kind: "over"; readonly code: number }
  | { readonly kind: "asked" }
  | { readonly kind: "fault"; readonly error: SentinelError };

/**
 * Launches the software and waits for whatever comes first: its end for good, a request to stop, something that forbids
 * it to go on. The software and all that it brought forth is gone when this returns or throws.
 *
 * @returns The software's exit status; 0 where we were asked to stop.
 * @throws {SentinelError} What forbade it; why it cannot be launched.
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const { supervisor, stopRequest: { stop }, onEnding, log } = options;
  if (stop.aborted) {
    sayAsked(log, String(stop.reason));
    return 0;
  }
  const over = new AbortController();
  const software = supervisor.run(over.signal);
  software.catch(() => {});
  try {
    await Promise.race([supervisor.started, software]);
    const ending = await firstEnding(software, options, over.signal);
    if (ending.kind === "asked") sayAsked(log, String(stop.reason));
    if (ending.kind === "fault") {
      log.warn(`stopping the software: ${ending.error.message}`);
      throw ending.error;
    }
    return ending.kind === "over" ? ending.code : 0;
  } finally {
    await onEnding();
    over.abort();
    await software.catch(() => {});
  }
}

function sayAsked(log: Logger, by: string): void {
  log.info(`Received ${by.startsWith("SIG") ? `signal ${by}` : by}, shutting down...`);
}

async function firstEnding(
  software: Promise<number | undefined>,
  { current, tampering, stopRequest: { stop } }: SuperviseOptions,
  over: AbortSignal,
): Promise<Ending> {
  current.watch();
  return await Promise.race<Ending>([
    software.then((code = 0) => ({ kind: "over", code })),
    whenAborted(stop).then(() => ({ kind: "asked" })),
    current.fault.then((error) => ({ kind: "fault", error })),
    tampering(over).then((error) =>
      error === undefined ? new Promise<never>(() => {}) : { kind: "fault", error }
    ),
  ]);
}

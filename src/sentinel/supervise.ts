import type { Clock } from "../core/clock.ts";
import type { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { isSameProcess, type ProcessIdentity } from "../core/process_identity.ts";
import type { Platform } from "../platform/contract.ts";
import type { VerifiedFile } from "../process/checksum.ts";
import type { LaunchedProcess, LaunchOptions } from "../process/launch.ts";
import { launchVerified } from "../process/launch_verified.ts";
import { stopGroup } from "../process/stop_group.ts";
import type { StopRequest } from "./stop_request.ts";
import type { Watch } from "./watches.ts";

/** The running child's record, which outlives us. */
export interface ChildRecord {
  read(): Promise<ProcessIdentity | undefined>;
  write(child: ProcessIdentity | undefined): Promise<void>;
}

export interface SuperviseOptions {
  readonly software: LaunchOptions;
  /** The file whose checksum was verified, where the licence carries one. */
  readonly verified: VerifiedFile | undefined;
  readonly watches: readonly Watch[];
  readonly childRecord: ChildRecord;
  readonly stopRequest: StopRequest;
  readonly onLaunched: (pid: number) => void;
  /** Called when the end has begun, before the software is stopped. */
  readonly onEnding: () => Promise<void>;
  readonly platform: Platform;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What ended a run. */
type Ending =
  | { kind: "exited"; code: number }
  | { kind: "asked"; signal: string }
  | { kind: "watch"; error: SentinelError };

/**
 * Launches the software and waits for whatever comes first: its exit, a request to stop, a watch that says so. The
 * process group is gone when this returns or throws.
 *
 * @returns The software's exit status; 0 where we were asked to stop.
 * @throws {SentinelError} what a watch ended the run with; {LaunchError}, {ChecksumError}.
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const { clock, log, platform, stopRequest } = options;
  await stopLeftOver(options);
  if (stopRequest.stop.aborted) {
    sayAsked(log, String(stopRequest.stop.reason));
    return 0;
  }
  const child = await launchVerified(options.software, options);
  try {
    await options.childRecord.write(await platform.identifyProcess(child.pid));
    options.onLaunched(child.pid);
    log.debug("software launched", { pid: child.pid });
    const ending = await firstEnding(child, options);
    if (ending.kind === "asked") sayAsked(log, ending.signal);
    if (ending.kind === "watch") log.warn(`stopping the software: ${ending.error.message}`);
    await options.onEnding();
    if (ending.kind === "watch") throw ending.error;
    return ending.kind === "exited" ? ending.code : 0;
  } finally {
    await stopGroup(child.pid, {
      clock,
      signalGroup: platform.signalGroup,
      hurry: stopRequest.hurry,
    });
    await child.exited;
    await options.childRecord.write(undefined);
  }
}

function sayAsked(log: Logger, signal: string): void {
  log.info(`Received signal ${signal}, shutting down...`);
}

async function firstEnding(
  child: LaunchedProcess,
  { watches, stopRequest: { stop } }: SuperviseOptions,
): Promise<Ending> {
  const over = new AbortController();
  const running = watches.map((watch) => watch(over.signal));
  const ending = Promise.withResolvers<Ending>();
  child.exited.then(({ code }) => ending.resolve({ kind: "exited", code }));
  for (const watch of running) {
    watch.then((error) => error && ending.resolve({ kind: "watch", error }), ending.reject);
  }
  const onStop = () => ending.resolve({ kind: "asked", signal: String(stop.reason) });
  stop.addEventListener("abort", onStop);
  if (stop.aborted) onStop();
  try {
    return await ending.promise;
  } finally {
    stop.removeEventListener("abort", onStop);
    over.abort();
    await Promise.allSettled(running);
  }
}

/** A child that outlived a killed run of ours must not stand beside the new one. */
async function stopLeftOver(
  { childRecord, platform, clock, log, stopRequest }: SuperviseOptions,
): Promise<void> {
  const left = await childRecord.read();
  if (left === undefined || !isSameProcess(left, await platform.identifyProcess(left.pid))) return;
  log.warn(`stopping the software that an earlier run left behind (pid ${left.pid})`);
  await stopGroup(left.pid, { clock, signalGroup: platform.signalGroup, hurry: stopRequest.hurry });
}

import type { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { LaunchOptions } from "../process/launch.ts";
import { Software, type SoftwareDependencies, stopLeftOver } from "./software.ts";
import type { StopRequest } from "./stop_request.ts";
import type { Watch } from "./watches.ts";

export interface SuperviseOptions {
  readonly software: LaunchOptions;
  readonly watches: readonly Watch[];
  readonly stopRequest: StopRequest;
  /** Called when the end has begun, before the software is stopped. */
  readonly onEnding: () => Promise<void>;
  readonly dependencies: Omit<SoftwareDependencies, "hurry">;
}

/** What ended a run. */
type Ending =
  | { kind: "exited"; code: number }
  | { kind: "asked"; by: string }
  | { kind: "watch"; error: SentinelError };

/**
 * Launches the software and waits for whatever comes first: its exit, a request to stop, a watch that says so. The
 * software and all that it brought forth is gone when this returns or throws.
 *
 * @returns The software's exit status; 0 where we were asked to stop.
 * @throws {SentinelError} what a watch ended the run with; {LaunchError}, {ChecksumError}.
 */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const { stopRequest, dependencies: { log } } = options;
  const dependencies = { ...options.dependencies, hurry: stopRequest.hurry };
  await stopLeftOver(dependencies);
  if (stopRequest.stop.aborted) {
    sayAsked(log, String(stopRequest.stop.reason));
    return 0;
  }
  await using software = await Software.launch(options.software, dependencies);
  log.debug("software launched", { pid: software.pid });
  const ending = await firstEnding(software, options);
  if (ending.kind === "asked") sayAsked(log, ending.by);
  if (ending.kind === "watch") log.warn(`stopping the software: ${ending.error.message}`);
  await options.onEnding();
  if (ending.kind === "watch") throw ending.error;
  return ending.kind === "exited" ? ending.code : 0;
}

function sayAsked(log: Logger, by: string): void {
  log.info(`Received ${by.startsWith("SIG") ? `signal ${by}` : by}, shutting down...`);
}

async function firstEnding(
  software: Software,
  { watches, stopRequest: { stop } }: SuperviseOptions,
): Promise<Ending> {
  const over = new AbortController();
  const running = watches.map((watch) => watch(over.signal));
  const ending = Promise.withResolvers<Ending>();
  software.exited.then(({ code }) => ending.resolve({ kind: "exited", code }));
  for (const watch of running) {
    watch.then((error) => error && ending.resolve({ kind: "watch", error }), ending.reject);
  }
  const onStop = () => ending.resolve({ kind: "asked", by: String(stop.reason) });
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

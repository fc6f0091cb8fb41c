import type { LendBlock, OutputItem } from "../core/output_item.ts";
import type { ProcessView } from "../core/process.ts";

/** A program to start, without a shell. */
export interface StartRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly limits: StartLimits | undefined;
  /** Most output to keep, by removing the oldest. */
  readonly maxOutputBytes: number | undefined;
}

/** Limits in the units of getrlimit(2). */
interface StartLimits {
  readonly openFiles?: number | undefined;
  readonly coreBytes?: number | undefined;
  readonly addressSpaceBytes?: number | undefined;
  readonly processes?: number | undefined;
  readonly fileBytes?: number | undefined;
}

export type StartOutcome =
  | { readonly kind: "started"; readonly id: string }
  | { readonly kind: "refused"; readonly why: string };

/** Result of a restart, with the id of the new process. */
export type RestartOutcome =
  | { readonly kind: "restarted"; readonly id: string }
  | { readonly kind: "refused"; readonly why: string };

/** Signals that a client may stop a process with. */
export const STOP_SIGNALS = [
  "SIGTERM",
  "SIGINT",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGKILL",
] as const;

export interface StopRequest {
  readonly signal: (typeof STOP_SIGNALS)[number] | undefined;
  /** Time between the signal and SIGKILL. */
  readonly graceMs: number | undefined;
}

export interface OutputRequest {
  readonly from: number;
  /** Whether to wait for further output. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly lendBlock: LendBlock;
}

/** The processes to serve. Methods return `undefined` if the id does not exist. */
export interface RemoteProcesses {
  start(request: StartRequest): Promise<StartOutcome>;
  query(id: string): Promise<ProcessView | undefined>;
  /** Oldest first. */
  list(): AsyncIterable<ProcessView>;
  /** Resolves when its tree has stopped. */
  stop(id: string, request: StopRequest): Promise<ProcessView | undefined>;
  /** Stops its tree and starts it again; resolves when the new process runs. */
  restart(id: string): Promise<RestartOutcome | undefined>;
  /** Resolves when it and its output have ended. */
  ended(id: string): Promise<ProcessView | undefined>;
  output(id: string, request: OutputRequest): Promise<AsyncIterable<OutputItem> | undefined>;
  /** Stops all processes. May be called twice. */
  close(): Promise<void>;
}

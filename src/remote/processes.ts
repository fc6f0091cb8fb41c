import type { LendBlock, OutputItem } from "../core/output_item.ts";

/** What becomes of a process; `lost` where its server ended without a word and it was gone afterwards. */
type RemoteState = "running" | "exited" | "stopped" | "killed" | "lost";

/** What is told of a process. Times are milliseconds since the Unix epoch. */
export interface ProcessView {
  readonly id: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly state: RemoteState;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly startedAtMs: number;
  readonly endedAtMs?: number | undefined;
  readonly outputBytes: number;
}

/** What a process is started with: no shell, the arguments as they are. */
export interface StartRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly limits: StartLimits | undefined;
  /** The oldest output goes before there is more than this. */
  readonly maxOutputBytes: number | undefined;
}

/** As getrlimit(2) counts them. */
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

/** What became of a wish to have a process started anew: the id of the new one. */
export type RestartOutcome =
  | { readonly kind: "restarted"; readonly id: string }
  | { readonly kind: "refused"; readonly why: string };

/** The signals that a client may ask a process to stop with. */
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
  /** Between the signal and SIGKILL. */
  readonly graceMs: number | undefined;
}

export interface OutputRequest {
  readonly from: number;
  /** Whether to wait for what is still to come. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly lendBlock: LendBlock;
}

/** The processes that are served, wherever they come from. `undefined` where there is no such id. */
export interface RemoteProcesses {
  start(request: StartRequest): Promise<StartOutcome>;
  query(id: string): Promise<ProcessView | undefined>;
  /** Oldest first. */
  list(): AsyncIterable<ProcessView>;
  /** Resolves once it has stopped, with its tree. */
  stop(id: string, request: StopRequest): Promise<ProcessView | undefined>;
  /** Stops it with its tree and starts it anew; resolves once it runs. */
  restart(id: string): Promise<RestartOutcome | undefined>;
  /** Resolves once it has ended, and its output with it. */
  ended(id: string): Promise<ProcessView | undefined>;
  output(id: string, request: OutputRequest): Promise<AsyncIterable<OutputItem> | undefined>;
  /** Stops all, and resolves once they are stopped. May be called twice. */
  close(): Promise<void>;
}

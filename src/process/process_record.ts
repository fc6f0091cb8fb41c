import type { ProcessIdentity } from "../core/process_identity.ts";
import type { RecordingFault } from "./output_log.ts";
import type { Survivor } from "./stop_tree.ts";

/**
 * `exited`: by itself, with a status. `stopped`: after it was asked to. `killed`: by a signal that nobody here sent. `lost`:
 * it ran when its supervisor ended without a word, and is not there any more.
 */
export type ProcessState = "running" | "exited" | "stopped" | "killed" | "lost";

/**
 * What is known of a process; on disk as JSON. Times are milliseconds since the Unix epoch.
 *
 * What it used (rusage) is not known: the runtime waits for a child before wait4(2) could be asked, RUSAGE_CHILDREN adds up
 * all children, and `/proc` of who has ended is gone.
 */
export interface ProcessRecord {
  /** Decimal digits; never given out twice. */
  readonly id: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly state: ProcessState;
  /** What it is recognised by; `undefined` until it was launched. */
  readonly identity?: ProcessIdentity | undefined;
  /** See `MARK_VARIABLE`; there before the launch. */
  readonly mark: string;
  readonly startedAtMs: number;
  readonly endedAtMs?: number | undefined;
  /** Where it `exited`. */
  readonly exitCode?: number | undefined;
  /** Where it was `killed`. */
  readonly signal?: string | undefined;
  /** All that it wrote and that was recorded, what retention removed included. */
  readonly outputBytes: number;
  readonly fault?: RecordingFault | undefined;
  /** Of its tree, who could not be stopped. */
  readonly survivors?: readonly Survivor[] | undefined;
}

/** A record as `JSON.parse` gave it, or `undefined` where it is none of ours. */
export function parseRecord(value: unknown): ProcessRecord | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { id, command, args, state, mark, startedAtMs, outputBytes } = value as ProcessRecord;
  const isRecord = typeof id === "string" && typeof command === "string" && Array.isArray(args) &&
    typeof state === "string" && typeof mark === "string" && typeof startedAtMs === "number" &&
    typeof outputBytes === "number";
  return isRecord ? value as ProcessRecord : undefined;
}

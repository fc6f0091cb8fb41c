import type { ProcessIdentity } from "../core/process_identity.ts";
import type { LaunchedProcess } from "../process/launch.ts";
import type { Survivor } from "../process/stop_tree.ts";

/** What is launched, and the mark by which its tree is recognised. */
export interface RecordedLaunch {
  readonly path: string;
  readonly args: readonly string[];
  readonly mark: string;
}

/** Records every launch of the software, for those who watch it from afar. */
export interface SoftwareRecorder {
  /** To be called before a launch; `undefined` where nothing can be recorded now, of which the log tells. */
  prepare(launch: RecordedLaunch): Promise<SoftwareRecording | undefined>;
  /** Whether the software is all that runs here, so that every orphan is its own. */
  isAlone(): boolean;
}

/** The record of one launch: what the software writes, and how it ends. */
export interface SoftwareRecording {
  /** It runs, and what it writes is ours to read. */
  begin(child: LaunchedProcess, leader: ProcessIdentity): void;
  /** Nothing was launched. */
  discard(): Promise<void>;
  /** It is being stopped; not called where it ended by itself. */
  stopping(): void;
  /** All of its tree is gone but the survivors; resolves when the record is whole. */
  finish(survivors: readonly Survivor[]): Promise<void>;
}

import type { Host } from "../platform/host.ts";
import { isObject } from "../core/strict_json.ts";
import type { Logger } from "../core/log.ts";
import type { VerifiedFile } from "../process/executable.ts";
import type { LaunchedProcess, LaunchOptions } from "../process/launch.ts";
import type { ManagedProcess } from "../process/managed_process.ts";
import type { ProcessIdentity } from "../core/process.ts";
import type { SocketClaim } from "../ipc/socket_owner.ts";
import { describeError } from "../core/errors.ts";
import type { ProcessRecord } from "../process/records.ts";
import type { ProcessTable } from "../process/process_table.ts";

/** What is launched, and the mark by which its tree is recognized. */
interface RecordedLaunch {
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
  begin(process: ManagedProcess): void;
  /** Nothing was launched. */
  discard(): Promise<void>;
  /** Resolves when the tree is gone and the record is whole. */
  ended(): Promise<void>;
}

/** The record of the software that runs, which outlives us. */
interface ChildRecord {
  read(): Promise<RecordedSoftware | undefined>;
  write(software: RecordedSoftware | undefined): void;
}

/** Software that runs, or is about to be launched, as long as nobody knows its leader. */
export interface RecordedSoftware {
  readonly mark: string;
  readonly leader?: ProcessIdentity | undefined;
}

export interface SoftwareDependencies
  extends Pick<Host, "platform" | "clock" | "log" | "pid" | "newUuid" | "onSignal"> {
  readonly childRecord: ChildRecord;
  /** Launches, where that takes more than usual. */
  readonly launch?: ((options: LaunchOptions) => Promise<LaunchedProcess>) | undefined;
  /** The file whose checksum was verified, where the license carries one. */
  readonly verified: VerifiedFile | undefined;
  /** Called before the software can have got as far as to connect. */
  readonly onLaunched: (leader: ProcessIdentity) => void;
  /** Who records what it writes; its streams are as the launch says where nobody does. */
  readonly recorder?: SoftwareRecorder | undefined;
  /** Cuts the grace of a stop short. */
  readonly hurry: AbortSignal;
  /** Aborted by a request to stop; its reason is the signal's name, or what else asked. */
  readonly stop: AbortSignal;
}

/** What stopping takes. */
export type LeftOverDependencies = Omit<
  SoftwareDependencies,
  "launch" | "verified" | "onLaunched" | "recorder"
>;

/** The record of the software in the lock file beside the socket: the leader's identity and the mark, flat. */
export function childRecordIn(claim: SocketClaim): ChildRecord {
  return {
    read: async () => parse(await claim.readRecord()),
    write: (software) => claim.writeRecord(software && { ...software.leader, mark: software.mark }),
  };
}

function parse(record: unknown): RecordedSoftware | undefined {
  if (!isObject(record)) return undefined;
  const { mark, ...leader } = record;
  if (typeof mark !== "string" || mark === "") return undefined;
  return isIdentity(leader) ? { mark, leader } : { mark };
}

function isIdentity(value: object): value is ProcessIdentity {
  const { pid, startTime, bootId } = value as Record<string, unknown>;
  return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 1 &&
    typeof startTime === "string" && typeof bootId === "string";
}

/** Records the software among the processes of a table: each launch is one of them. */
export class TableRecorder implements SoftwareRecorder {
  #lastId: string | undefined;

  constructor(readonly table: ProcessTable, readonly log: Logger) {}

  /** The process that the last launch is in the table. */
  get lastId(): string | undefined {
    return this.#lastId;
  }

  isAlone(): boolean {
    return this.table.runningCount <= 1;
  }

  async prepare({ path, args, mark }: RecordedLaunch): Promise<SoftwareRecording | undefined> {
    let record: ProcessRecord;
    try {
      record = await this.table.announce({ command: path, args, launchToken: mark });
    } catch (error) {
      this.log.error(`Cannot record what the software writes: ${describeError(error)}`);
      return undefined;
    }
    let ended: Promise<unknown> | undefined;
    return {
      begin: (process) => {
        ({ ended } = this.table.adopt(record, process));
        this.#lastId = record.id;
      },
      discard: () => this.table.discard(record),
      ended: async () => void await ended,
    };
  }
}

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

interface RecordedLaunch {
  readonly path: string;
  readonly args: readonly string[];
  /** The launch token, by which its process tree is recognized. */
  readonly launchToken: string;
}

/** Records the output and the end of each launch, for remote operators. */
export interface ChildRecorder {
  /** To be called before a launch. Resolves with `undefined` after logging why nothing can be recorded. */
  prepare(launch: RecordedLaunch): Promise<ChildRecording | undefined>;
  /** Whether the child is the only process that runs here, so that every orphan is its descendant. */
  isAlone(): boolean;
}

/** The record of one launch: the child's output and its end. */
interface ChildRecording {
  /** Starts reading the child's output. */
  begin(process: ManagedProcess): void;
  /** To be called if the launch failed. */
  discard(): Promise<void>;
  /** Resolves when the process tree has ended and the record is complete. */
  ended(): Promise<void>;
}

/** Identifies the running child to the next run, should this one be killed. */
interface ChildRecord {
  read(): Promise<RecordedChild | undefined>;
  write(child: RecordedChild | undefined): void;
}

/** A child that runs, or that is about to be launched if it has no leader yet. */
export interface RecordedChild {
  readonly launchToken: string;
  readonly leader?: ProcessIdentity | undefined;
}

export interface ChildDependencies
  extends Pick<Host, "platform" | "clock" | "log" | "pid" | "newUuid" | "onSignal"> {
  readonly childRecord: ChildRecord;
  /** Names this machine in launch tokens. */
  readonly machineId: string;
  /** Replaces the usual launch, to set limits. */
  readonly launch?: ((options: LaunchOptions) => Promise<LaunchedProcess>) | undefined;
  /** The file whose checksum was verified; `undefined` if the license has none. */
  readonly verified: VerifiedFile | undefined;
  /** Called before the child can have connected to the socket. */
  readonly onLaunched: (leader: ProcessIdentity) => void;
  /** Records its output; without one the streams are those of the launch. */
  readonly recorder?: ChildRecorder | undefined;
  /** Aborted to skip the grace time of a stop. */
  readonly force: AbortSignal;
  /** Aborted by a request to stop; its reason is the signal's name or another origin. */
  readonly stop: AbortSignal;
}

export type StopDependencies = Omit<
  ChildDependencies,
  "launch" | "verified" | "onLaunched" | "recorder"
>;

/** The child record in the lock file beside the socket: the leader's identity and the launch token in one flat object. */
export function openChildRecord(claim: SocketClaim): ChildRecord {
  return {
    read: async () => parse(await claim.readRecord()),
    write: (child) => claim.writeRecord(child && { ...child.leader, mark: child.launchToken }),
  };
}

function parse(record: unknown): RecordedChild | undefined {
  if (!isObject(record)) return undefined;
  const { mark, ...leader } = record;
  if (typeof mark !== "string" || mark === "") return undefined;
  return isIdentity(leader) ? { launchToken: mark, leader } : { launchToken: mark };
}

function isIdentity(value: object): value is ProcessIdentity {
  const { pid, startTime, bootId } = value as Record<string, unknown>;
  return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 1 &&
    typeof startTime === "string" && typeof bootId === "string";
}

/** Records each launch as a process of the table. */
export class TableRecorder implements ChildRecorder {
  #lastId: string | undefined;

  constructor(readonly table: ProcessTable, readonly log: Logger) {}

  /** The id of the last launch in the table. */
  get lastId(): string | undefined {
    return this.#lastId;
  }

  isAlone(): boolean {
    return this.table.runningCount <= 1;
  }

  async prepare({ path, args, launchToken }: RecordedLaunch): Promise<ChildRecording | undefined> {
    let record: ProcessRecord;
    try {
      record = await this.table.announce({ command: path, args, launchToken });
    } catch (error) {
      this.log.error(`Cannot record the software's output: ${describeError(error)}`);
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

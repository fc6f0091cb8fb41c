import type { Clock } from "../core/clock.ts";
import type { ProcessControl, ProcessLimits } from "../platform/process_contract.ts";
import { findProgram, launch, launchLimited, type LaunchOptions } from "./launch.ts";
import { ManagedProcess, type StopOptions } from "./managed_process.ts";
import { openOutputLog, type OutputLog } from "./output/log.ts";
import type { OutputWriterOptions } from "./output/writer.ts";
import { type ProcessRecord, RecordStore, recoverRecords } from "./records.ts";
import { RunningProcess, type RunningProcessDependencies } from "./running_process.ts";

export interface ProcessTableDependencies {
  readonly control: ProcessControl;
  readonly clock: Clock;
  /** Our own pid. */
  readonly ownPid: number;
  /** Returns a unique, unpredictable launch token. */
  readonly newLaunchToken: () => string;
  /** Ends the grace period early when the table is closed. */
  readonly force?: AbortSignal | undefined;
  /** Folders that are searched for a command without a slash. */
  readonly searchPath?: string | undefined;
  /** How output is recorded; `sync` applies to records as well. */
  readonly output?: RunningProcessOutput | undefined;
}

type RunningProcessOutput = Omit<OutputWriterOptions, "clock"> & {
  readonly drainMs?: number | undefined;
};

/** A program to start, without a shell. */
export interface StartOptions extends Omit<LaunchOptions, "path" | "output" | "launchToken"> {
  /** A path, or a name to search for ({@linkcode findProgram}). */
  readonly command: string;
  readonly limits?: ProcessLimits | undefined;
  /** Overrides the table's limit for this process. */
  readonly maxOutputBytes?: number | undefined;
}

/**
 * Starts, records and stops processes by id. Running ones are in memory, the others on disk.
 *
 * @example
 * ```ts
 * await using table = await ProcessTable.open("/var/lib/acme", deps);
 * const { id } = await table!.start({ command: "env", args: [], env: {} });
 * const record = await table!.ended(id);
 * ```
 */
export class ProcessTable implements AsyncDisposable {
  readonly #running = new Map<string, RunningProcess>();
  /** Final records that could not be saved yet. */
  readonly #unsaved = new Map<string, ProcessRecord>();

  private constructor(readonly store: RecordStore, readonly deps: ProcessTableDependencies) {}

  /**
   * Opens the table in a folder. First stops processes that a crashed holder of the folder left running, or records them as
   * lost. Call `Platform.adoptOrphans` before.
   *
   * @returns `undefined` if another process holds the folder.
   */
  static async open(
    folder: string,
    deps: ProcessTableDependencies,
  ): Promise<ProcessTable | undefined> {
    const store = await RecordStore.open(folder, { sync: deps.output?.sync ?? false });
    if (store === undefined) return undefined;
    try {
      await recoverRecords(store, deps);
      return new ProcessTable(store, deps);
    } catch (error) {
      store[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Starts a process and records its output.
   *
   * @throws {LaunchError} Nothing is left running; the id is not reused.
   */
  async start(options: StartOptions): Promise<ProcessRecord> {
    const launchToken = this.deps.newLaunchToken();
    const record = await this.announce({ ...options, launchToken });
    let process: ManagedProcess;
    try {
      process = await this.#launch(options, launchToken);
    } catch (error) {
      await this.discard(record);
      throw error;
    }
    const stopTree = (how: StopOptions) => process.stop(how);
    const { maxOutputBytes } = options;
    return this.#record(record, process, { stopTree, maxOutputBytes }).record;
  }

  /** Adds the record of a process that the caller is about to launch. */
  async announce(
    { command, args, launchToken }: Pick<StartOptions, "command" | "args"> & {
      readonly launchToken: string;
    },
  ): Promise<ProcessRecord> {
    const record = await this.store.add({
      command,
      args: [...args],
      state: "running",
      mark: launchToken,
      startedAtMs: this.deps.clock.wallMs(),
      outputBytes: 0,
    });
    // the disk has room again
    await this.#saveUnsaved();
    return record;
  }

  /** Removes the record of a process that could not be launched. */
  async discard({ id }: ProcessRecord): Promise<void> {
    await this.store.remove(id);
  }

  /** Records an announced process that the caller has launched and will stop. */
  adopt(announced: ProcessRecord, process: ManagedProcess): RunningProcess {
    return this.#record(announced, process, { stopTree: () => process.emptied });
  }

  /** `undefined` if the id does not exist. */
  async query(id: string): Promise<ProcessRecord | undefined> {
    return this.#running.get(id)?.record ?? this.#unsaved.get(id) ?? await this.store.read(id);
  }

  /** All records, oldest first, one at a time. */
  async *list(): AsyncGenerator<ProcessRecord> {
    for (const id of await this.store.ids()) {
      const record = await this.query(id);
      if (record !== undefined) yield record;
    }
  }

  /** Stops a process tree and returns its final record, also if it had already ended; `undefined` if the id does not exist. */
  async stop(id: string, options: StopOptions = {}): Promise<ProcessRecord | undefined> {
    const running = this.#running.get(id);
    return running === undefined ? await this.query(id) : await running.stop(options);
  }

  /** Resolves with the final record when the process has ended; `undefined` if the id does not exist. */
  async ended(id: string): Promise<ProcessRecord | undefined> {
    return await (this.#running.get(id)?.ended ?? this.query(id));
  }

  /** The output of a process, for {@linkcode readOutput}; `undefined` if the id does not exist. */
  async output(id: string): Promise<OutputLog | undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) return running.log;
    const record = await this.query(id);
    return record && await openOutputLog(this.store.outputFolder(id), record.fault);
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Stops all processes, waits for their final records and releases the folder. May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { force } = this.deps;
    await Promise.all(Array.from(this.#running.values(), (running) => running.stop({ force })));
    await this.#saveUnsaved();
    this.store[Symbol.dispose]();
  }

  async #launch(
    { command, limits, maxOutputBytes: _, ...options }: StartOptions,
    launchToken: string,
  ): Promise<ManagedProcess> {
    const { control, clock, ownPid, searchPath } = this.deps;
    const path = await findProgram(command, searchPath);
    return await ManagedProcess.launch({ ...options, path, launchToken, output: "pipe" }, {
      clock,
      ownPid,
      identify: (pid) => control.identify(pid),
      control: () => control,
      // an orphan without a token can only belong to the single running process
      claimsOrphans: () => this.#running.size === 1,
      launch: (options) =>
        limits === undefined ? launch(options) : launchLimited(options, { limits, control }),
    });
  }

  /**
   * Records a running process. The caller does not wait for the write: until then, the launch token in the announced record
   * identifies the process.
   */
  #record(
    announced: ProcessRecord,
    process: ManagedProcess,
    { stopTree, maxOutputBytes = this.deps.output?.maxOutputBytes }: {
      stopTree: RunningProcessDependencies["stopTree"];
      maxOutputBytes?: number | undefined;
    },
  ): RunningProcess {
    const { control, clock, output } = this.deps;
    const record = { ...announced, identity: process.root.leader };
    const saved = this.#save(record);
    const running = new RunningProcess(record, process, {
      control,
      clock,
      output: { ...output, maxOutputBytes },
      outputFolder: this.store.outputFolder(record.id),
      stopTree,
      save: async (last) => {
        await saved;
        await this.#save(last);
        this.#running.delete(last.id);
      },
    });
    this.#running.set(record.id, running);
    return running;
  }

  async #saveUnsaved(): Promise<void> {
    for (const record of [...this.#unsaved.values()]) await this.#save(record);
  }

  /** If the disk is full, keeps the final record in memory until there is room. */
  async #save(record: ProcessRecord): Promise<void> {
    try {
      await this.store.write(record);
      this.#unsaved.delete(record.id);
    } catch {
      if (record.state !== "running") this.#unsaved.set(record.id, record);
    }
  }
}

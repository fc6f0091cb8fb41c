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
  /** Makes the mark of a launch: unique, and not to be guessed. */
  readonly newLaunchToken: () => string;
  /** Cuts the grace short when the table is closed. */
  readonly hurry?: AbortSignal | undefined;
  /** Where a command without a slash is looked for. */
  readonly searchPath?: string | undefined;
  /** How output is kept; `sync` is for records, too. */
  readonly output?: RunningProcessOutput | undefined;
}

type RunningProcessOutput = Omit<OutputWriterOptions, "clock"> & {
  readonly drainMs?: number | undefined;
};

/** What a process is started with; without a shell. */
export interface StartOptions extends Omit<LaunchOptions, "path" | "output" | "mark"> {
  /** A path, or a name that is looked for. */
  readonly command: string;
  readonly limits?: ProcessLimits | undefined;
  /** Instead of the table's own, for this process. */
  readonly maxOutputBytes?: number | undefined;
}

/** Ids and what became of them. Memory is for those that run; the others are on disk. */
export class ProcessTable implements AsyncDisposable {
  readonly #running = new Map<string, RunningProcess>();
  /** Those whose end could not be saved. */
  readonly #unsaved = new Map<string, ProcessRecord>();

  private constructor(readonly store: RecordStore, readonly deps: ProcessTableDependencies) {}

  /**
   * Opens the table of a folder. Processes that ran when its last holder ended without a word are stopped first, or noted
   * as lost. Our orphans should be adopted by then (`Platform.adoptOrphans`).
   *
   * @returns `undefined` where somebody else holds the folder.
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
   * Starts a process whose output is recorded.
   *
   * @throws {LaunchError} and then nothing is left of it but its id, which is not given out again.
   */
  async start(options: StartOptions): Promise<ProcessRecord> {
    const record = await this.announce({ ...options, mark: this.deps.newLaunchToken() });
    let process: ManagedProcess;
    try {
      process = await this.#launch(options, record.mark);
    } catch (error) {
      await this.discard(record);
      throw error;
    }
    const empty = (how: StopOptions) => process.stop(how);
    return this.#record(record, process, { empty, maxOutputBytes: options.maxOutputBytes }).record;
  }

  /** Notes that a process is about to be launched, by whomever. */
  async announce(
    { command, args, mark }: Pick<StartOptions, "command" | "args"> & { readonly mark: string },
  ): Promise<ProcessRecord> {
    const record = await this.store.add({
      command,
      args: [...args],
      state: "running",
      mark,
      startedAtMs: this.deps.clock.wallMs(),
      outputBytes: 0,
    });
    // there is room again
    await this.#saveUnsaved();
    return record;
  }

  /** Forgets a process that could not be launched. */
  async discard({ id }: ProcessRecord): Promise<void> {
    await this.store.remove(id);
  }

  /** Records a process that was announced, and that others launched and will stop. */
  adopt(announced: ProcessRecord, process: ManagedProcess): RunningProcess {
    return this.#record(announced, process, { empty: () => process.emptied });
  }

  /** `undefined` where there is no such id. */
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

  /** Stops a process with its tree; its last record, also where it had ended before. */
  async stop(id: string, options: StopOptions = {}): Promise<ProcessRecord | undefined> {
    const running = this.#running.get(id);
    return running === undefined ? await this.query(id) : await running.stop(options);
  }

  /** Resolves with the last record once the process has ended; `undefined` where there is no such id. */
  async ended(id: string): Promise<ProcessRecord | undefined> {
    return await (this.#running.get(id)?.ended ?? this.query(id));
  }

  /** What a process wrote, to be read with `readOutput()`; `undefined` where there is no such id. */
  async output(id: string): Promise<OutputLog | undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) return running.log;
    const record = await this.query(id);
    return record && await openOutputLog(this.store.outputFolder(id), record.fault);
  }

  /** How many run. */
  get runningCount(): number {
    return this.#running.size;
  }

  /** Stops all, waits until they are recorded, and lets go of the folder. May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { hurry } = this.deps;
    await Promise.all(Array.from(this.#running.values(), (running) => running.stop({ hurry })));
    await this.#saveUnsaved();
    this.store[Symbol.dispose]();
  }

  async #launch(
    { command, limits, maxOutputBytes: _, ...options }: StartOptions,
    mark: string,
  ): Promise<ManagedProcess> {
    const { control, clock, ownPid, searchPath } = this.deps;
    const path = await findProgram(command, searchPath);
    return await ManagedProcess.launch({ ...options, path, mark, output: "pipe" }, {
      clock,
      ownPid,
      identify: (pid) => control.identify(pid),
      control: () => control,
      // an orphan without a mark is nobody else's where nobody else is there
      claimsOrphans: () => this.#running.size === 1,
      launch: (options) =>
        limits === undefined ? launch(options) : launchLimited(options, { limits, control }),
    });
  }

  /**
   * Records a process. Nobody waits for this record: until it is written, the mark in the one before tells of the process.
   */
  #record(
    announced: ProcessRecord,
    process: ManagedProcess,
    { empty, maxOutputBytes = this.deps.output?.maxOutputBytes }: {
      empty: RunningProcessDependencies["empty"];
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
      empty,
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

  /** A full disk must not cost what is known: then it is kept in memory, until there is room. */
  async #save(record: ProcessRecord): Promise<void> {
    try {
      await this.store.write(record);
      this.#unsaved.delete(record.id);
    } catch {
      if (record.state !== "running") this.#unsaved.set(record.id, record);
    }
  }
}

import type { Clock } from "../core/clock.ts";
import type { ProcessControl } from "../platform/process_contract.ts";
import type { ExitStatus } from "../core/process.ts";
import type { ManagedProcess, StopOptions } from "./managed_process.ts";
import { OutputLog } from "./output/log.ts";
import { OutputWriter, type OutputWriterOptions, recordOutput } from "./output/writer.ts";
import type { Survivor } from "./process_tree.ts";
import type { ProcessRecord } from "./records.ts";

/** Larger than the default of 64 KiB (pipe(7)), so that a busy writer blocks less. */
const PIPE_BYTES = 2 ** 20;

export interface RunningProcessDependencies {
  readonly control: ProcessControl;
  readonly clock: Clock;
  readonly output: Omit<OutputWriterOptions, "clock"> & { readonly drainMs?: number | undefined };
  readonly outputFolder: string;
  /** Stops the tree or waits until it is stopped; returns the survivors. */
  readonly stopTree: (options: StopOptions) => Promise<readonly Survivor[]>;
  /** Saves the final record; must not reject. */
  readonly save: (record: ProcessRecord) => Promise<void>;
}

/** A running process of the table; records its output and how it ends. */
export class RunningProcess {
  readonly log: OutputLog;
  /** Resolves when the tree has ended, the output is recorded and the final record is saved; never rejects. */
  readonly ended: Promise<ProcessRecord>;
  readonly #process: ManagedProcess;
  readonly #deps: RunningProcessDependencies;
  readonly #writer: OutputWriter;
  #record: ProcessRecord;

  constructor(
    record: ProcessRecord,
    process: ManagedProcess,
    deps: RunningProcessDependencies,
  ) {
    this.#record = record;
    this.#process = process;
    this.#deps = deps;
    this.log = new OutputLog(deps.outputFolder);
    this.#writer = new OutputWriter(this.log, { ...deps.output, clock: deps.clock });
    for (const descriptor of [1, 2] as const) {
      deps.control.widenPipe(process.child.pid, descriptor, PIPE_BYTES);
    }
    this.ended = this.#run();
  }

  get record(): ProcessRecord {
    return { ...this.#record, outputBytes: this.log.end };
  }

  /** Stops the process; resolves like {@linkcode RunningProcess.ended}. A second call waits for the first. */
  async stop(options: StopOptions = {}): Promise<ProcessRecord> {
    this.#process.noteStopRequest();
    await this.#deps.stopTree(options);
    return await this.ended;
  }

  /** Stops remaining descendants when the process exits. */
  async #run(): Promise<ProcessRecord> {
    const { clock, output: { drainMs }, stopTree, save } = this.#deps;
    const { child, ended } = this.#process;
    const recording = recordOutput(child.output!, this.#writer, { clock, exited: ended, drainMs });
    const status = await ended;
    const endedAtMs = clock.wallMs();
    this.#record = {
      ...this.#record,
      ...toEndFields(status, this.#process.isStopRequested),
      endedAtMs,
    };
    await stopTree({});
    await recording;
    this.#record = { ...this.record, fault: this.log.fault };
    await save(this.#record);
    return this.#record;
  }
}

function toEndFields(
  status: ExitStatus | undefined,
  isStopRequested: boolean,
): Pick<ProcessRecord, "state" | "exitCode" | "signal"> {
  if (isStopRequested || status === undefined) return { state: "stopped" };
  return status.signal === undefined
    ? { state: "exited", exitCode: status.code }
    : { state: "killed", signal: status.signal };
}

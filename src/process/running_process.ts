import type { Clock } from "../core/clock.ts";
import type { ProcessControl } from "../platform/process_contract.ts";
import type { ExitStatus } from "../core/exit_status.ts";
import type { LaunchedProcess } from "./launch.ts";
import { OutputLog } from "./output/log.ts";
import { OutputWriter, type OutputWriterOptions } from "./output/writer.ts";
import type { ProcessRecord } from "./records.ts";
import { recordOutput } from "./output/writer.ts";
import type { StopTreeOptions, Survivor } from "./process_tree.ts";

/** Wider than what the system gives (64 KiB), so that a busy writer waits less (pipe(7)). */
const PIPE_BYTES = 2 ** 20;

/** How a process is stopped. */
export type StopOptions = Pick<StopTreeOptions, "signal" | "graceMs" | "hurry">;

interface RunningProcessDependencies {
  readonly control: ProcessControl;
  readonly clock: Clock;
  readonly output: Omit<OutputWriterOptions, "clock"> & { readonly drainMs?: number | undefined };
  readonly outputFolder: string;
  /** Empties the tree, or waits until that is done; called once. Who is left. */
  readonly empty: (options: StopOptions) => Promise<readonly Survivor[]>;
  /** Called with the last state of the record, and awaited; must not reject. */
  readonly save: (record: ProcessRecord) => Promise<void>;
}

/** A process of the table while it runs: records what it writes, notes how it ends, has it stopped with its tree. */
export class RunningProcess {
  readonly log: OutputLog;
  /** Resolves once the tree is gone, the output is recorded and the last record is saved; never rejects. */
  readonly ended: Promise<ProcessRecord>;
  readonly #child: LaunchedProcess;
  readonly #deps: RunningProcessDependencies;
  readonly #writer: OutputWriter;
  #record: ProcessRecord;
  #stopping: Promise<readonly Survivor[]> | undefined;
  readonly #isStopping = Promise.withResolvers<void>();
  #isAsked = false;

  constructor(
    record: ProcessRecord,
    child: LaunchedProcess,
    deps: RunningProcessDependencies,
  ) {
    this.#record = record;
    this.#child = child;
    this.#deps = deps;
    this.log = new OutputLog(deps.outputFolder);
    this.#writer = new OutputWriter(this.log, { ...deps.output, clock: deps.clock });
    for (const descriptor of [1, 2] as const) {
      deps.control.widenPipe(child.pid, descriptor, PIPE_BYTES);
    }
    this.ended = this.#run();
  }

  get record(): ProcessRecord {
    return { ...this.#record, outputBytes: this.log.end };
  }

  /** From now on its end is no end by itself. */
  noteStopping(): void {
    this.#isAsked = true;
  }

  /** Asks it to stop; resolves like {@linkcode RunningProcess.ended}. A second call waits for the first. */
  async stop(options: StopOptions = {}): Promise<ProcessRecord> {
    this.noteStopping();
    await this.#empty(options);
    return await this.ended;
  }

  async #run(): Promise<ProcessRecord> {
    const { clock, output: { drainMs }, save } = this.#deps;
    const exited = Promise.race([this.#child.exited, this.#givenUp()]);
    const recording = recordOutput(this.#child.output!, this.#writer, { clock, exited, drainMs });
    const status = await exited;
    const endedAtMs = clock.wallMs();
    this.#record = { ...this.#record, ...endOf(status, this.#isAsked), endedAtMs };
    await this.#empty({});
    await recording;
    this.#record = { ...this.record, fault: this.log.fault };
    await save(this.#record);
    return this.#record;
  }

  /** Where not even SIGKILL ended it, nobody waits for it. */
  async #givenUp(): Promise<undefined> {
    await this.#isStopping.promise;
    const survivors = await this.#stopping!;
    if (!survivors.some(({ pid }) => pid === this.#child.pid)) await this.#child.exited;
    return undefined;
  }

  /** What a process leaves behind goes with it. */
  #empty(options: StopOptions): Promise<readonly Survivor[]> {
    this.#stopping ??= this.#deps.empty(options);
    this.#isStopping.resolve();
    return this.#stopping;
  }
}

function endOf(
  status: ExitStatus | undefined,
  isAsked: boolean,
): Pick<ProcessRecord, "state" | "exitCode" | "signal"> {
  if (isAsked || status === undefined) return { state: "stopped" };
  return status.signal === undefined
    ? { state: "exited", exitCode: status.code }
    : { state: "killed", signal: status.signal };
}

import { describeError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { ProcessRecord } from "../process/process_record.ts";
import type { ProcessTable } from "../process/process_table.ts";
import type { RunningProcess } from "../process/running_process.ts";
import type { Survivor } from "../process/stop_tree.ts";
import type { RecordedLaunch, SoftwareRecorder, SoftwareRecording } from "./software_recorder.ts";

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
      record = await this.table.announce({ command: path, args, mark });
    } catch (error) {
      this.log.error(`Cannot record what the software writes: ${describeError(error)}`);
      return undefined;
    }
    return this.#recordingOf(record);
  }

  #recordingOf(record: ProcessRecord): SoftwareRecording {
    const emptied = Promise.withResolvers<readonly Survivor[]>();
    let running: RunningProcess | undefined;
    return {
      begin: (child, leader) => {
        running = this.table.adopt(record, { child, leader, empty: () => emptied.promise });
        this.#lastId = record.id;
      },
      discard: () => this.table.discard(record),
      stopping: () => running?.noteStopping(),
      async finish(survivors) {
        emptied.resolve(survivors);
        await running?.ended;
      },
    };
  }
}

import { standardOutput } from "../../../src/cli/output.ts";
import { type Deadlined, Deadlines as RealDeadlines } from "../../../src/ipc/limits.ts";

export * from "../../../src/ipc/limits.ts";

/** For `src/ipc/limits.ts`: reports a timeout on standard error, and keeps waiting. */
export class Deadlines extends RealDeadlines {
  readonly #patient = new Map<Deadlined, Deadlined>();

  override add(entry: Deadlined): void {
    let isOver = false;
    const patient: Deadlined = {
      get deadlineMs() {
        return isOver ? Infinity : entry.deadlineMs;
      },
      expire() {
        isOver = true;
        standardOutput.note("waiting on");
      },
    };
    this.#patient.set(entry, patient);
    super.add(patient);
  }

  override remove(entry: Deadlined): void {
    const patient = this.#patient.get(entry);
    if (patient !== undefined) super.remove(patient);
  }
}

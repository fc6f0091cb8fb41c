import { SentinelError } from "../core/errors.ts";
import type { DegradeStage } from "../ipc/degradation.ts";
import type { Watch } from "./watches.ts";

/** Tampering has gone on to the last stage: the software was stopped (exit status 137, as by a SIGKILL). */
export class TamperError extends SentinelError {
  constructor() {
    super("tampered.crash", "the license is being tampered with");
  }
}

/** How far a run has gone in answering tampering; the one place where a stage takes effect. */
export class Degradation {
  readonly #crash = new AbortController();
  readonly #onStage: (stage: DegradeStage) => void;

  /** @param onStage Told of every stage, so that the answers become worse or good again. */
  constructor(onStage: (stage: DegradeStage) => void) {
    this.#onStage = onStage;
  }

  /** From `crash` there is no way back: the run ends. */
  setStage(stage: DegradeStage): void {
    this.#onStage(stage);
    if (stage === "crash") this.#crash.abort();
  }

  /** Ends the run at `crash`. */
  readonly watch: Watch = (signal) =>
    new Promise((resolve) => {
      const crash = this.#crash.signal;
      const done = () => {
        for (const either of [signal, crash]) either.removeEventListener("abort", done);
        resolve(crash.aborted ? new TamperError() : undefined);
      };
      for (const either of [signal, crash]) either.addEventListener("abort", done);
      if (signal.aborted || crash.aborted) done();
    });
}

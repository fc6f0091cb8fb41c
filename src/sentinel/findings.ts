import type { Logger } from "../core/log.ts";

/** What points at somebody who works against the licence. */
export type FindingKind =
  | "clock_rollback"
  | "state_rollback"
  | "debugger"
  | "preload"
  | "executable_changed";

/** One such thing, in plain words for the vendor's support. */
export interface Finding {
  readonly kind: FindingKind;
  readonly message: string;
  /** What was seen, and where. */
  readonly evidence: string;
}

/** Everything that was found in this run; each is a warning in the log. */
export class Findings {
  readonly #log: Logger;
  readonly #found: Finding[] = [];
  #tell: (finding: Finding) => void = () => {};

  constructor(log: Logger) {
    this.#log = log;
  }

  get count(): number {
    return this.#found.length;
  }

  report(finding: Finding): void {
    const { kind, message, evidence } = finding;
    this.#log.warn(`${message}: ${evidence}`, { finding: kind });
    this.#found.push(finding);
    this.#tell(finding);
  }

  /** Calls back for all that was found before, and for what is found from now on. One can listen at a time. */
  onFound(tell: (finding: Finding) => void): void {
    for (const finding of this.#found) tell(finding);
    this.#tell = tell;
  }
}

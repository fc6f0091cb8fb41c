import type { Logger } from "../core/log.ts";
import type { Surrounding } from "../platform/contract.ts";

/** What points at somebody who works against the license. */
type FindingKind = Surrounding["kind"] | "clock_rollback" | "state_rollback";

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
  readonly #listeners: ((finding: Finding) => void)[] = [];
  #count = 0;
  #open: Finding[] = [];
  #settled = new AbortController();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** How many there were so far. */
  get count(): number {
    return this.#count;
  }

  /** What still stands against this run. */
  get open(): readonly Finding[] {
    return this.#open;
  }

  /** Aborted as soon as nothing stands against this run any more; asked anew for every time. */
  get settled(): AbortSignal {
    return this.#settled.signal;
  }

  report(finding: Finding): void {
    const { kind, message, evidence } = finding;
    this.#log.warn(`${message}: ${evidence}`, { finding: kind });
    this.#count++;
    this.#open.push(finding);
    for (const tell of this.#listeners) tell(finding);
  }

  /** Calls back for what is found from now on. */
  onFound(tell: (finding: Finding) => void): void {
    this.#listeners.push(tell);
  }

  /** The server has answered: what a clock or a state that was put back hid from it, it has now been told. */
  settleRollbacks(): void {
    if (this.#open.length === 0) return;
    this.#open = this.#open.filter(({ kind }) => !kind.endsWith("_rollback"));
    if (this.#open.length > 0) return;
    const settled = this.#settled;
    this.#settled = new AbortController();
    settled.abort();
  }
}

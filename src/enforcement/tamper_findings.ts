import type { Logger } from "../core/log.ts";
import type { TamperDetection } from "../platform/contract.ts";

type TamperFindingKind = TamperDetection["kind"] | "clock_rollback" | "state_rollback";

/** A sign of tampering, described for the vendor's support. */
export interface TamperFinding {
  readonly kind: TamperFindingKind;
  readonly message: string;
  /** The observation and its source. */
  readonly evidence: string;
}

/** All tamper findings of this run; each is logged as a warning. */
export class TamperFindings {
  readonly #log: Logger;
  readonly #listeners: ((finding: TamperFinding) => void)[] = [];
  #count = 0;
  #open: TamperFinding[] = [];
  #settled = new AbortController();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Findings so far, settled ones included. */
  get count(): number {
    return this.#count;
  }

  /** Findings that are not settled, and call for a response. */
  get open(): readonly TamperFinding[] {
    return this.#open;
  }

  /** Aborted when the last open finding is settled. Read it again for each wait: every abort replaces it. */
  get settled(): AbortSignal {
    return this.#settled.signal;
  }

  report(finding: TamperFinding): void {
    const { kind, message, evidence } = finding;
    this.#log.warn(`${message}: ${evidence}`, { finding: kind });
    this.#count++;
    // containers have one, which only the record shows
    if (kind !== "user_namespace") this.#open.push(finding);
    for (const listener of this.#listeners) listener(finding);
  }

  /** Calls `listener` for each later finding. */
  onFinding(listener: (finding: TamperFinding) => void): void {
    this.#listeners.push(listener);
  }

  /** Settles clock and state rollbacks, which a signed answer from the server makes harmless. */
  settleRollbacks(): void {
    if (this.#open.length === 0) return;
    this.#open = this.#open.filter(({ kind }) => !kind.endsWith("_rollback"));
    if (this.#open.length > 0) return;
    const settled = this.#settled;
    this.#settled = new AbortController();
    settled.abort();
  }
}

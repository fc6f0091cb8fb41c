import type { Clock } from "../core/clock.ts";
import type { ListedProcess, ProcessControl } from "../platform/process_contract.ts";
import { isWaitedFor } from "./launch.ts";

/** Delay between two scans, in which the runtime can reap its own children. */
const SECOND_SCAN_MS = 20;

interface OrphanReaperDependencies {
  readonly control: ProcessControl;
  readonly clock: Clock;
  readonly ownPid: number;
}

/**
 * Reaps exited orphans that we adopted (waitpid(2)), so that zombies do not fill the process table.
 *
 * Must not reap a child that the runtime waits for: skips those that {@linkcode isWaitedFor} names, and reaps only what two
 * scans in a row find exited, so that the runtime has had its turn.
 */
export class OrphanReaper {
  #ended: ReadonlySet<string> = new Set();
  #scanning: Promise<void> | undefined;
  #again = false;

  constructor(readonly dependencies: OrphanReaperDependencies) {}

  /** Call on SIGCHLD; resolves when all orphans that had exited by then are reaped. */
  reap(): Promise<void> {
    this.#again = true;
    return this.#scanning ??= this.#scanTwice();
  }

  async #scanTwice(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      this.#scan();
      if (this.#ended.size > 0) await this.dependencies.clock.sleep(SECOND_SCAN_MS);
      this.#scan();
    }
    this.#scanning = undefined;
  }

  #scan(): void {
    const { control, ownPid } = this.dependencies;
    const ended = control.list().filter((entry) =>
      entry.parent === ownPid && entry.state === "ended" && !isWaitedFor(entry.pid)
    );
    for (const entry of ended) if (this.#ended.has(keyOf(entry))) control.reap(entry.pid);
    this.#ended = new Set(ended.map(keyOf));
  }
}

function keyOf({ pid, startTime }: ListedProcess): string {
  return `${pid} ${startTime}`;
}

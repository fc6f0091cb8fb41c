import type { Clock } from "../core/clock.ts";
import type { ListedProcess, ProcessControl } from "../platform/process_contract.ts";
import { isWaitedFor } from "./launch.ts";

/** Between two looks, so that the runtime has had its turn. */
const SECOND_LOOK_MS = 20;

interface OrphanReaperDependencies {
  readonly control: ProcessControl;
  readonly clock: Clock;
  readonly ownPid: number;
}

/**
 * Reaps orphans that we adopted and that have ended, by pid (waitpid(2)), so that they do not fill the system's table.
 *
 * A child that the runtime waits for must not be reaped by us. It is known from {@linkcode isWaitedFor}; besides, nobody
 * is reaped at the first sight of his end: between two looks the runtime has had its turn.
 */
export class OrphanReaper {
  #ended: ReadonlySet<string> = new Set();
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(readonly dependencies: OrphanReaperDependencies) {}

  /** To be called whenever a child has ended (SIGCHLD); resolves when all that had ended by then are reaped. */
  reap(): Promise<void> {
    this.#again = true;
    return this.#looking ??= this.#lookTwice();
  }

  async #lookTwice(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      this.#look();
      if (this.#ended.size > 0) await this.dependencies.clock.sleep(SECOND_LOOK_MS);
      this.#look();
    }
    this.#looking = undefined;
  }

  #look(): void {
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

import type { ProcessIdentity } from "../core/process.ts";
import type { ListedProcess, ProcessControl, ProcessSignal } from "../platform/process_contract.ts";
import { isWaitedFor, LAUNCH_TOKEN_VARIABLE } from "./launch.ts";
import type { Clock } from "../core/clock.ts";

/** Who was launched with a mark: the eldest who bears it, as all that it brought forth bears it, too. */
export function findByLaunchToken(
  mark: string,
  control: ProcessControl,
): ProcessIdentity | undefined {
  const bearers = control.list().filter(({ pid }) =>
    control.variable(pid, LAUNCH_TOKEN_VARIABLE) === mark
  );
  const [eldest] = bearers.sort((a, b) => Number(a.startTime) - Number(b.startTime));
  return eldest && control.identify(eldest.pid);
}

/** A tree that an earlier run of ours recorded, under its mark at least; `undefined` if no leader is known. */
export function findTree(
  { leader, mark }: { readonly leader?: ProcessIdentity | undefined; readonly mark: string },
  { control, ownPid }: Pick<TreeDependencies, "control" | "ownPid">,
): ProcessTree | undefined {
  const found = leader ?? findByLaunchToken(mark, control);
  return found &&
    new ProcessTree({ leader: found, mark }, { control, ownPid, claimsOrphans: () => false });
}

/** What a tree of processes is recognized by; outlives us in records. */
export interface TreeRoot {
  /** The launched process: leader of a session and group of its own. It may have ended. */
  readonly leader: ProcessIdentity;
  /** The value of {@linkcode LAUNCH_TOKEN_VARIABLE}, one for each launch. */
  readonly mark?: string | undefined;
}

export interface TreeDependencies {
  readonly control: ProcessControl;
  /** Our own pid, whose children orphans become. */
  readonly ownPid: number;
  /** Whether an adopted orphan that nothing else tells of belongs to this tree: where it is the only one. */
  readonly claimsOrphans: () => boolean;
}

/** A launched process with all that descends from it, looked up anew each time. */
export class ProcessTree {
  /** Members of the last look, who belong to it whatever became of their parents since. */
  #known: ReadonlySet<string>;

  constructor(readonly root: TreeRoot, readonly dependencies: TreeDependencies) {
    this.#known = new Set([keyOf(root.leader)]);
  }

  /** Who is there now and has not ended; nobody once the machine was started anew. */
  members(): ListedProcess[] {
    const { control } = this.dependencies;
    if (control.bootId() !== this.root.leader.bootId) return [];
    const listed = control.list();
    const members = this.#select(listed.filter(({ pid }) => pid !== this.dependencies.ownPid));
    this.#known = new Set([keyOf(this.root.leader), ...members.map(keyOf)]);
    return members.filter(({ state }) => state !== "ended");
  }

  /** Whether a member is in the leader's group still. */
  isInGroup({ group }: ListedProcess): boolean {
    return group === this.root.leader.pid;
  }

  /** Resident memory of all members, in bytes; pages that they share are counted for each. */
  residentBytes(): number {
    const { control } = this.dependencies;
    return this.members().reduce((sum, { pid }) => sum + control.residentBytes(pid), 0);
  }

  /** Parents before children, so that one pass follows every line of descent; parents are never younger. */
  #select(listed: ListedProcess[]): ListedProcess[] {
    const leader = listed.find(({ pid }) => pid === this.root.leader.pid);
    const numbersAreOurs = leader === undefined ||
      leader.startTime === this.root.leader.startTime;
    const members = new Map<number, ListedProcess>();
    const candidates = listed
      .filter((entry) => Number(entry.startTime) >= Number(this.root.leader.startTime))
      .sort((a, b) => Number(a.startTime) - Number(b.startTime));
    for (let before = -1; before !== members.size;) {
      before = members.size;
      for (const entry of candidates) {
        if (!members.has(entry.pid) && this.#belongs(entry, members, numbersAreOurs)) {
          members.set(entry.pid, entry);
        }
      }
    }
    return [...members.values()];
  }

  /** A pid is not given anew while a session or group bears its number, unless its new owner made one himself. */
  #belongs(
    entry: ListedProcess,
    members: ReadonlyMap<number, ListedProcess>,
    numbersAreOurs: boolean,
  ): boolean {
    const { pid } = this.root.leader;
    if (this.#known.has(keyOf(entry)) || isChildOf(members.get(entry.parent), entry)) return true;
    if (numbersAreOurs && (entry.session === pid || entry.group === pid)) return true;
    if (isWaitedFor(entry.pid) || entry.state === "ended") return false;
    return this.#hasLaunchToken(entry) || this.#isOrphanOfOurs(entry);
  }

  #hasLaunchToken({ pid }: ListedProcess): boolean {
    const { mark } = this.root;
    return mark !== undefined &&
      this.dependencies.control.variable(pid, LAUNCH_TOKEN_VARIABLE) === mark;
  }

  #isOrphanOfOurs({ parent }: ListedProcess): boolean {
    return parent === this.dependencies.ownPid && this.dependencies.claimsOrphans();
  }
}

/** Who is younger than his child has a number that was given anew, and is nobody's parent. */
function isChildOf(parent: ListedProcess | undefined, { startTime }: ListedProcess): boolean {
  return parent !== undefined && Number(parent.startTime) <= Number(startTime);
}

function keyOf({ pid, startTime }: Pick<ListedProcess, "pid" | "startTime">): string {
  return `${pid} ${startTime}`;
}

/** Time between the first signal and SIGKILL. */
const STOP_GRACE_MS = 10_000;

/** How long a killed process may take to be gone before it is reported. */
const KILL_WAIT_MS = 5_000;

/** Those who left the group learn of the stop later, and have at least this long. */
const LEAVERS_GRACE_MS = 1_000;

/** Looks at the tree are this far apart: soon at first, then less often. */
const FIRST_LOOK_MS = 2, LAST_LOOK_MS = 50;

export interface StopTreeOptions {
  readonly clock: Clock;
  /** Asks to stop; SIGTERM by default. */
  readonly signal?: ProcessSignal | undefined;
  /** {@linkcode STOP_GRACE_MS} by default. */
  readonly graceMs?: number | undefined;
  /** Five seconds by default. */
  readonly killWaitMs?: number | undefined;
  /** Cuts the grace short. */
  readonly hurry?: AbortSignal | undefined;
  /** Whether all of them were asked by somebody else, as a console asks everybody on it: nothing is sent in the grace. */
  readonly isAsked?: (() => boolean) | undefined;
  /** The leader's end, where it is ours to see: the next look is then at once. */
  readonly exited?: Promise<unknown> | undefined;
}

/** A process that could not be stopped, and why. */
export interface Survivor {
  readonly pid: number;
  readonly name: string;
  /** `denied`: we may not signal it. `uninterruptible`: it waits for a device. `unkillable`: it did not end in time. */
  readonly why: "denied" | "uninterruptible" | "unkillable";
}

/**
 * Stops a tree of processes: the signal to its group, SIGCONT for those that were stopped, the grace, SIGKILL; then the
 * same for those that left the group; then SIGKILL until none is left.
 *
 * @returns Who is still there in spite of it.
 */
export async function stopTree(tree: ProcessTree, options: StopTreeOptions): Promise<Survivor[]> {
  return await new TreeStop(tree, options).run();
}

class TreeStop {
  readonly #denied = new Set<number>();
  /** Resolved by the next thing that makes a look worth while. */
  #woken = new AbortController();

  constructor(readonly tree: ProcessTree, readonly options: StopTreeOptions) {}

  async run(): Promise<Survivor[]> {
    if (this.tree.members().length === 0) return [];
    const { clock, hurry, exited, graceMs = STOP_GRACE_MS } = this.options;
    const wake = () => this.#woken.abort();
    hurry?.addEventListener("abort", wake);
    exited?.then(wake);
    try {
      const deadline = clock.monotonicMs() + graceMs;
      await this.#ask(deadline, (member) => this.tree.isInGroup(member));
      await this.#ask(
        Math.max(deadline, clock.monotonicMs() + Math.min(graceMs, LEAVERS_GRACE_MS)),
        () => true,
      );
      return await this.#kill();
    } finally {
      hurry?.removeEventListener("abort", wake);
    }
  }

  /** Asks some members to stop; kills those of them that have not by the deadline. */
  async #ask(deadline: number, isAsked: (member: ListedProcess) => boolean): Promise<void> {
    const { signal = "SIGTERM" } = this.options;
    const asked = this.tree.members().filter(isAsked);
    if (asked.length === 0) return;
    if (!this.options.isAsked?.()) {
      this.#signalAll(asked, signal);
      this.#signalAll(asked, "SIGCONT");
    }
    const left = await this.#look(deadline, isAsked);
    this.#signalAll(left, "SIGKILL");
  }

  /** Looks until no such member is left or the time is over; who is left. */
  async #look(
    deadline: number,
    isAwaited: (member: ListedProcess) => boolean,
  ): Promise<ListedProcess[]> {
    const { clock, hurry } = this.options;
    for (let pauseMs = FIRST_LOOK_MS;; pauseMs = Math.min(pauseMs * 2, LAST_LOOK_MS)) {
      const left = this.tree.members().filter(isAwaited);
      const leftMs = deadline - clock.monotonicMs();
      if (left.length === 0 || leftMs <= 0 || hurry?.aborted) return left;
      await this.#pause(Math.min(pauseMs, leftMs));
    }
  }

  /** Kills whoever is left, those included that came into being meanwhile. */
  async #kill(): Promise<Survivor[]> {
    const { clock, killWaitMs = KILL_WAIT_MS } = this.options;
    const deadline = clock.monotonicMs() + killWaitMs;
    for (let pauseMs = FIRST_LOOK_MS;; pauseMs = Math.min(pauseMs * 2, LAST_LOOK_MS)) {
      const left = this.tree.members();
      if (left.length === 0) return [];
      this.#signalAll(left, "SIGKILL");
      const hopeless = left.every(({ pid }) => this.#denied.has(pid));
      if (hopeless || clock.monotonicMs() >= deadline) {
        return left.map((member) => this.#describe(member));
      }
      await clock.sleep(pauseMs);
    }
  }

  /**
   * At once for the group while its leader lives, so that nobody slips through by a fork; one by one for all others, as a
   * group's number may be given anew once it is empty.
   */
  #signalAll(members: readonly ListedProcess[], signal: ProcessSignal): void {
    const { root, dependencies: { control } } = this.tree;
    const groupHasIt = members.some(({ pid }) => pid === root.leader.pid) &&
      control.signalGroup(root.leader, signal) === "sent";
    for (const member of members) {
      if (groupHasIt && signal !== "SIGKILL" && this.tree.isInGroup(member)) continue;
      const outcome = control.signal(member, signal);
      if (outcome === "denied") this.#denied.add(member.pid);
      else this.#denied.delete(member.pid);
    }
  }

  #describe({ pid, name, state }: ListedProcess): Survivor {
    const why = this.#denied.has(pid)
      ? "denied"
      : state === "uninterruptible"
      ? "uninterruptible"
      : "unkillable";
    return { pid, name, why };
  }

  async #pause(ms: number): Promise<void> {
    await this.options.clock.sleep(ms, this.#woken.signal);
    if (this.#woken.signal.aborted && !this.options.hurry?.aborted) {
      this.#woken = new AbortController();
    }
  }
}

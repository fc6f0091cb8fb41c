import type { ProcessIdentity } from "../core/process.ts";
import type { ListedProcess, ProcessControl, ProcessSignal } from "../platform/process_contract.ts";
import { isWaitedFor, LAUNCH_TOKEN_VARIABLE } from "./launch.ts";
import type { Clock } from "../core/clock.ts";

/** Finds the process launched with a token: the oldest that has it, since descendants inherit it. */
function findByLaunchToken(token: string, control: ProcessControl): ProcessIdentity | undefined {
  const holders = control.list().filter(({ pid }) =>
    control.variable(pid, LAUNCH_TOKEN_VARIABLE) === token
  );
  const [oldest] = holders.sort((a, b) => Number(a.startTime) - Number(b.startTime));
  return oldest && control.identify(oldest.pid);
}

/** Finds a process tree that an earlier run recorded; `undefined` if its leader is neither recorded nor found by the token. */
export function findTree(
  { leader, launchToken }: {
    readonly leader?: ProcessIdentity | undefined;
    readonly launchToken: string;
  },
  { control, ownPid }: Pick<TreeDependencies, "control" | "ownPid">,
): ProcessTree | undefined {
  const found = leader ?? findByLaunchToken(launchToken, control);
  return found &&
    new ProcessTree({ leader: found, launchToken }, {
      control,
      ownPid,
      claimsOrphans: () => false,
    });
}

/** Identifies a process tree, also across restarts of our process. */
export interface TreeRoot {
  /** The launched process, which leads its own session and group. It may have exited. */
  readonly leader: ProcessIdentity;
  /** Value of {@linkcode LAUNCH_TOKEN_VARIABLE}, unique to each launch. */
  readonly launchToken?: string | undefined;
}

export interface TreeDependencies {
  readonly control: ProcessControl;
  /** Our own pid; we adopt orphans. */
  readonly ownPid: number;
  /** Whether an adopted orphan of unknown origin belongs to this tree: true if it is the only tree. */
  readonly claimsOrphans: () => boolean;
}

/** A launched process and its descendants; each call lists the system's processes. */
export class ProcessTree {
  /** Members found last time; they stay members even if their parents have exited since. */
  #known: ReadonlySet<string>;

  constructor(readonly root: TreeRoot, readonly dependencies: TreeDependencies) {
    this.#known = new Set([keyOf(root.leader)]);
  }

  /** The running members; none after a reboot. */
  members(): ListedProcess[] {
    const { control } = this.dependencies;
    if (control.bootId() !== this.root.leader.bootId) return [];
    const listed = control.list();
    const members = this.#select(listed.filter(({ pid }) => pid !== this.dependencies.ownPid));
    this.#known = new Set([keyOf(this.root.leader), ...members.map(keyOf)]);
    return members.filter(({ state }) => state !== "ended");
  }

  /** Whether a member is still in the leader's group. */
  isInGroup({ group }: ListedProcess): boolean {
    return group === this.root.leader.pid;
  }

  /** Resident memory of all members in bytes; shared pages count once per member. */
  residentBytes(): number {
    const { control } = this.dependencies;
    return this.members().reduce((sum, { pid }) => sum + control.residentBytes(pid), 0);
  }

  /** Visits candidates by age, so that parents come before their children. */
  #select(listed: ListedProcess[]): ListedProcess[] {
    const leader = listed.find(({ pid }) => pid === this.root.leader.pid);
    const ownsIds = leader === undefined ||
      leader.startTime === this.root.leader.startTime;
    const members = new Map<number, ListedProcess>();
    const candidates = listed
      .filter((entry) => Number(entry.startTime) >= Number(this.root.leader.startTime))
      .sort((a, b) => Number(a.startTime) - Number(b.startTime));
    for (let before = -1; before !== members.size;) {
      before = members.size;
      for (const entry of candidates) {
        if (!members.has(entry.pid) && this.#belongs(entry, members, ownsIds)) {
          members.set(entry.pid, entry);
        }
      }
    }
    return [...members.values()];
  }

  /**
   * `ownsIds`: whether the session and group with the leader's number are still its own. The kernel does not reuse a pid
   * while such a session or group exists; only a new process with that pid can create them again.
   */
  #belongs(
    entry: ListedProcess,
    members: ReadonlyMap<number, ListedProcess>,
    ownsIds: boolean,
  ): boolean {
    const { pid } = this.root.leader;
    if (this.#known.has(keyOf(entry)) || isChildOf(members.get(entry.parent), entry)) return true;
    if (ownsIds && (entry.session === pid || entry.group === pid)) return true;
    if (isWaitedFor(entry.pid) || entry.state === "ended") return false;
    return this.#hasLaunchToken(entry) || this.#isOrphanOfOurs(entry);
  }

  #hasLaunchToken({ pid }: ListedProcess): boolean {
    const { launchToken } = this.root;
    return launchToken !== undefined &&
      this.dependencies.control.variable(pid, LAUNCH_TOKEN_VARIABLE) === launchToken;
  }

  #isOrphanOfOurs({ parent }: ListedProcess): boolean {
    return parent === this.dependencies.ownPid && this.dependencies.claimsOrphans();
  }
}

/** A parent that started after its child is a reused pid. */
function isChildOf(parent: ListedProcess | undefined, { startTime }: ListedProcess): boolean {
  return parent !== undefined && Number(parent.startTime) <= Number(startTime);
}

function keyOf({ pid, startTime }: Pick<ListedProcess, "pid" | "startTime">): string {
  return `${pid} ${startTime}`;
}

/** Default time between the stop signal and SIGKILL. */
const STOP_GRACE_MS = 10_000;

/** Default time that a killed process has to exit before it is reported as a survivor. */
const KILL_WAIT_MS = 5_000;

/** Shortest grace period of processes outside the group, which are signaled later. */
const OUTSIDE_GROUP_GRACE_MS = 1_000;

/** First and longest interval between two polls of the tree; it doubles each time. */
const FIRST_POLL_MS = 2, LONGEST_POLL_MS = 50;

export interface StopTreeOptions {
  readonly clock: Clock;
  /** Stop signal; SIGTERM by default. */
  readonly signal?: ProcessSignal | undefined;
  /** Time between the stop signal and SIGKILL; 10 s by default. */
  readonly graceMs?: number | undefined;
  /** Time for killed processes to exit; 5 s by default. */
  readonly killWaitMs?: number | undefined;
  /** Ends the grace period when aborted. */
  readonly force?: AbortSignal | undefined;
  /** Whether the members already received a stop signal, as from a Windows console; then only SIGKILL is sent. */
  readonly isAsked?: (() => boolean) | undefined;
  /** The leader's exit, if known; triggers a poll. */
  readonly exited?: Promise<unknown> | undefined;
}

/** A process that could not be stopped, and why. */
export interface Survivor {
  readonly pid: number;
  readonly name: string;
  /** `denied`: no permission to signal it. `uninterruptible`: it waits for a device. `unkillable`: it did not exit in time. */
  readonly why: "denied" | "uninterruptible" | "unkillable";
}

/**
 * Stops a process tree: sends the stop signal to its group, SIGCONT for suspended members, and SIGKILL after the grace
 * period; then does the same for members outside the group; then repeats SIGKILL until no member is left.
 *
 * @returns Processes that could not be stopped.
 *
 * @example
 * ```ts
 * const survivors = await stopTree(await process.openTree(), { clock, graceMs: 5_000 });
 * ```
 */
export async function stopTree(tree: ProcessTree, options: StopTreeOptions): Promise<Survivor[]> {
  return await new TreeStop(tree, options).run();
}

class TreeStop {
  readonly #denied = new Set<number>();
  /** Aborted by events that make an early poll worthwhile. */
  #woken = new AbortController();

  constructor(readonly tree: ProcessTree, readonly options: StopTreeOptions) {}

  async run(): Promise<Survivor[]> {
    if (this.tree.members().length === 0) return [];
    const { clock, force, exited, graceMs = STOP_GRACE_MS } = this.options;
    const wake = () => this.#woken.abort();
    force?.addEventListener("abort", wake);
    exited?.then(wake);
    try {
      const deadline = clock.monotonicMs() + graceMs;
      await this.#ask(deadline, (member) => this.tree.isInGroup(member));
      await this.#ask(
        Math.max(deadline, clock.monotonicMs() + Math.min(graceMs, OUTSIDE_GROUP_GRACE_MS)),
        () => true,
      );
      return await this.#kill();
    } finally {
      force?.removeEventListener("abort", wake);
    }
  }

  /** Asks the selected members to stop, and kills those that are left at the deadline. */
  async #ask(deadline: number, isAsked: (member: ListedProcess) => boolean): Promise<void> {
    const { signal = "SIGTERM" } = this.options;
    const asked = this.tree.members().filter(isAsked);
    if (asked.length === 0) return;
    if (!this.options.isAsked?.()) {
      this.#signalAll(asked, signal);
      this.#signalAll(asked, "SIGCONT");
    }
    const left = await this.#poll(deadline, isAsked);
    this.#signalAll(left, "SIGKILL");
  }

  /** Polls until none of these members is left or the deadline has passed; returns those left. */
  async #poll(
    deadline: number,
    isAwaited: (member: ListedProcess) => boolean,
  ): Promise<ListedProcess[]> {
    const { clock, force } = this.options;
    for (let pauseMs = FIRST_POLL_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_POLL_MS)) {
      const left = this.tree.members().filter(isAwaited);
      const leftMs = deadline - clock.monotonicMs();
      if (left.length === 0 || leftMs <= 0 || force?.aborted) return left;
      await this.#pause(Math.min(pauseMs, leftMs));
    }
  }

  /** Kills all members, including new ones, until none is left. */
  async #kill(): Promise<Survivor[]> {
    const { clock, killWaitMs = KILL_WAIT_MS } = this.options;
    const deadline = clock.monotonicMs() + killWaitMs;
    for (let pauseMs = FIRST_POLL_MS;; pauseMs = Math.min(pauseMs * 2, LONGEST_POLL_MS)) {
      const left = this.tree.members();
      if (left.length === 0) return [];
      this.#signalAll(left, "SIGKILL");
      const areAllDenied = left.every(({ pid }) => this.#denied.has(pid));
      if (areAllDenied || clock.monotonicMs() >= deadline) {
        return left.map((member) => this.#describe(member));
      }
      await clock.sleep(pauseMs);
    }
  }

  /**
   * Signals the group in one call while its leader runs, so that no fork escapes. Signals other members one by one, as the
   * number of an empty group may be reused.
   */
  #signalAll(members: readonly ListedProcess[], signal: ProcessSignal): void {
    const { root, dependencies: { control } } = this.tree;
    const isGroupSignaled = members.some(({ pid }) => pid === root.leader.pid) &&
      control.signalGroup(root.leader, signal) === "sent";
    for (const member of members) {
      if (isGroupSignaled && signal !== "SIGKILL" && this.tree.isInGroup(member)) continue;
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
    if (this.#woken.signal.aborted && !this.options.force?.aborted) {
      this.#woken = new AbortController();
    }
  }
}

import type { ProcessIdentity } from "../core/process_identity.ts";
import type { ListedProcess, ProcessControl } from "../platform/process_control.ts";
import { isWaitedFor, MARK_VARIABLE } from "./launch.ts";

/** What a tree of processes is recognised by; outlives us in records. */
export interface TreeRoot {
  /** The launched process: leader of a session and group of its own. It may have ended. */
  readonly leader: ProcessIdentity;
  /** The value of {@linkcode MARK_VARIABLE}, one for each launch. */
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
    return this.#isMarked(entry) || this.#isOrphanOfOurs(entry);
  }

  #isMarked({ pid }: ListedProcess): boolean {
    const { mark } = this.root;
    return mark !== undefined && this.dependencies.control.variable(pid, MARK_VARIABLE) === mark;
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

import type { ProcessIdentity } from "../core/process.ts";

export interface ProcessFacts {
  readonly parent: number;
  /** The leader of its session. */
  readonly session: number;
  /** As in {@linkcode ProcessIdentity}: an integer that grows with the time of the start. */
  readonly startTime: string;
}

interface ProcessSource {
  /** `undefined` if the process does not exist. */
  readProcess(pid: number): ProcessFacts | undefined;
  readBootId(): string | undefined;
}

/** More generations than any real tree; ends a walk through a tree that keeps changing. */
const MAX_GENERATIONS = 1024;

/**
 * Tells whether `pid` is the ancestor, one of its descendants, or a member of the session that the ancestor leads. No
 * process can join a session from outside (setsid(2)), so that finds orphans too.
 *
 * Start times reveal a reused pid: the ancestor's must be the recorded one, and no child starts before its parent.
 */
export function isDescendantOf(
  ancestor: ProcessIdentity,
  pid: number,
  { readProcess, readBootId }: ProcessSource,
): boolean {
  const root = readProcess(ancestor.pid);
  if (root?.startTime !== ancestor.startTime || readBootId() !== ancestor.bootId) return false;
  let current = pid;
  let childStart = Infinity;
  for (let i = 0; i < MAX_GENERATIONS && current > 1; i++) {
    const facts = readProcess(current);
    if (facts === undefined || Number(facts.startTime) > childStart) return false;
    if (current === ancestor.pid) return true;
    childStart = Number(facts.startTime);
    if (facts.session === ancestor.pid && childStart >= Number(root.startTime)) return true;
    current = facts.parent;
  }
  return false;
}

import type { ProcessIdentity } from "../core/process.ts";

/** What the system tells of a process. */
export interface ProcessFacts {
  readonly parent: number;
  /** The leader of its session. */
  readonly session: number;
  /** As in {@linkcode ProcessIdentity}: a whole number that is larger the later a process began. */
  readonly startTime: string;
}

/** Where facts about processes come from. */
interface ProcessSource {
  /** `undefined` where there is no such process. */
  readProcess(pid: number): ProcessFacts | undefined;
  /** What changes with every boot. */
  readBootId(): string | undefined;
}

/** More generations than any tree has; ends the walk where processes come and go under it. */
const MAX_GENERATIONS = 1024;

/**
 * Whether `pid` is the ancestor itself, a descendant of it by its line of parents, or a member of the session that the
 * ancestor leads: a session cannot be joined from outside (setsid(2)), so that finds orphans too.
 *
 * A pid that was given anew is recognized by its start time: the ancestor's must be the recorded one, and nobody is
 * older than his parent.
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

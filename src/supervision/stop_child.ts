import {
  findMarked,
  ProcessTree,
  stopTree,
  type StopTreeOptions,
  type Survivor,
  type TreeRoot,
} from "../process/process_tree.ts";
import { OrphanReaper } from "../process/orphan_reaper.ts";
import type { LeftOverDependencies, RecordedSoftware } from "./child_record.ts";

interface StopSoftwareOptions
  extends LeftOverDependencies, Pick<StopTreeOptions, "signal" | "graceMs" | "isAsked"> {
  /** Whether every orphan that became a child of ours is the software's. */
  readonly claimsOrphans: boolean;
  /** The software's end, where it is a child of ours. */
  readonly exited?: Promise<unknown>;
}

/** Stops the software and all that it brought forth; who is left in spite of it, of whom the log tells as well. */
export async function stopSoftware(
  root: TreeRoot,
  options: StopSoftwareOptions,
): Promise<Survivor[]> {
  const { log } = options;
  const tree = await openTree(root, options);
  const survivors = await stopTree(tree, options);
  for (const { name, pid, why } of survivors) {
    log.error(`Cannot stop ${name} (pid ${pid}): ${why}`);
  }
  await (await openReaper(options)).reap();
  return survivors;
}

/** The tree of recorded software; `undefined` where nobody of it is alive. */
export async function findLeftOver(
  { mark, leader: recorded }: RecordedSoftware,
  deps: LeftOverDependencies,
): Promise<TreeRoot | undefined> {
  const leader = recorded ?? findMarked(mark, await deps.platform.processControl());
  if (leader === undefined) return undefined;
  const root = { leader, mark };
  const tree = await openTree(root, { ...deps, claimsOrphans: false });
  return tree.members().length > 0 ? root : undefined;
}

export async function openReaper(
  { platform, clock, pid }: Pick<LeftOverDependencies, "platform" | "clock" | "pid">,
): Promise<OrphanReaper> {
  return new OrphanReaper({ control: await platform.processControl(), clock, ownPid: pid });
}

/** The tree of a software that runs, or ran. */
export async function openTree(
  root: TreeRoot,
  { platform, pid, claimsOrphans }: Pick<StopSoftwareOptions, "platform" | "pid" | "claimsOrphans">,
): Promise<ProcessTree> {
  return new ProcessTree(root, {
    control: await platform.processControl(),
    ownPid: pid,
    claimsOrphans: () => claimsOrphans,
  });
}

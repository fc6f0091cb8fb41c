import { findTree, stopTree, type Survivor } from "../process/process_tree.ts";
import { OrphanReaper } from "../process/orphan_reaper.ts";
import type { LeftOverDependencies, RecordedSoftware } from "./child_record.ts";

/** Tells of what a stop has left, and reaps what it has orphaned. */
export async function settleStop(
  survivors: readonly Survivor[],
  deps: Pick<LeftOverDependencies, "platform" | "clock" | "pid" | "log">,
): Promise<void> {
  for (const { name, pid, why } of survivors) {
    deps.log.error(`Cannot stop ${name} (pid ${pid}): ${why}`);
  }
  await (await openReaper(deps)).reap();
}

/** Stops what is alive of recorded software. */
export async function stopRecorded(
  recorded: RecordedSoftware,
  deps: LeftOverDependencies,
): Promise<void> {
  const { platform, clock, log, hurry, pid } = deps;
  const tree = findTree({ leader: recorded.leader, launchToken: recorded.mark }, {
    control: await platform.processControl(),
    ownPid: pid,
  });
  if (tree === undefined || tree.members().length === 0) return;
  log.warn(
    `stopping the software that an earlier run left behind (pid ${tree.root.leader.pid})`,
  );
  await settleStop(await stopTree(tree, { clock, force: hurry }), deps);
}

export async function openReaper(
  { platform, clock, pid }: Pick<LeftOverDependencies, "platform" | "clock" | "pid">,
): Promise<OrphanReaper> {
  return new OrphanReaper({ control: await platform.processControl(), clock, ownPid: pid });
}

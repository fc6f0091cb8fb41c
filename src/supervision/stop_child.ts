import { findTree, stopTree, type Survivor } from "../process/process_tree.ts";
import { OrphanReaper } from "../process/orphan_reaper.ts";
import type { RecordedChild, StopDependencies } from "./child_record.ts";

/** Logs the survivors of a stop and reaps its orphans. */
export async function finishStop(
  survivors: readonly Survivor[],
  deps: Pick<StopDependencies, "platform" | "clock" | "pid" | "log">,
): Promise<void> {
  for (const { name, pid, why } of survivors) {
    deps.log.error(`Cannot stop ${name} (pid ${pid}): ${why}`);
  }
  await (await openReaper(deps)).reap();
}

/** Stops what is left of a recorded child's process tree. */
export async function stopRecorded(
  recorded: RecordedChild,
  deps: StopDependencies,
): Promise<void> {
  const { platform, clock, log, force, pid } = deps;
  const tree = findTree(recorded, {
    control: await platform.processControl(),
    ownPid: pid,
  });
  if (tree === undefined || tree.members().length === 0) return;
  log.warn(
    `stopping the software that an earlier run left behind (pid ${tree.root.leader.pid})`,
  );
  await finishStop(await stopTree(tree, { clock, force }), deps);
}

export async function openReaper(
  { platform, clock, pid }: Pick<StopDependencies, "platform" | "clock" | "pid">,
): Promise<OrphanReaper> {
  return new OrphanReaper({ control: await platform.processControl(), clock, ownPid: pid });
}

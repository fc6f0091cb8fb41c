import type { Clock } from "../core/clock.ts";
import type { ProcessControl } from "../platform/process_control.ts";
import { findMarked } from "./find_marked.ts";
import { openOutputLog } from "./output_log.ts";
import type { ProcessRecord } from "./process_record.ts";
import { ProcessTree } from "./process_tree.ts";
import type { RecordStore } from "./record_store.ts";
import { stopTree } from "./stop_tree.ts";

export interface RecoveryDependencies {
  readonly control: ProcessControl;
  readonly clock: Clock;
  readonly ownPid: number;
}

/**
 * Settles the records of processes that ran when their supervisor ended without a word: whoever is left of them is stopped
 * (`stopped`), else they are `lost`.
 */
export async function recoverRecords(
  store: RecordStore,
  deps: RecoveryDependencies,
): Promise<void> {
  const left: ProcessRecord[] = [];
  for (const id of await store.ids()) {
    const record = await store.read(id);
    if (record === undefined) store.removeUnrecorded(id);
    if (record?.state === "running") left.push(record);
  }
  await Promise.all(left.map(async (record) => {
    await store.write(await settle(record, store.outputFolder(record.id), deps));
  }));
}

async function settle(
  record: ProcessRecord,
  folder: string,
  deps: RecoveryDependencies,
): Promise<ProcessRecord> {
  const tree = findTree(record, deps);
  const isThere = tree !== undefined && tree.members().length > 0;
  const survivors = isThere ? await stopTree(tree, { clock: deps.clock }) : [];
  const { end } = await openOutputLog(folder);
  return {
    ...record,
    state: isThere ? "stopped" : "lost",
    endedAtMs: deps.clock.wallMs(),
    outputBytes: end,
    ...(survivors.length > 0 && { survivors }),
  };
}

/** Where the crash came between launch and record, the mark alone tells. */
function findTree(
  { identity, mark }: ProcessRecord,
  { control, ownPid }: RecoveryDependencies,
): ProcessTree | undefined {
  const leader = identity ?? findMarked(mark, control);
  return leader &&
    new ProcessTree({ leader, mark }, { control, ownPid, claimsOrphans: () => false });
}

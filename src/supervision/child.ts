import type { LeftOverDependencies, SoftwareDependencies } from "./child_record.ts";
import { type LaunchedProcess, type LaunchOptions, launchVerified } from "../process/launch.ts";
import { ManagedProcess } from "../process/managed_process.ts";
import type { OrphanReaper } from "../process/orphan_reaper.ts";

/** What is needed to stop and to reap comes when there is something to: the launch must not wait for it. */
const loadStopping = () => import("./stop_child.ts");

/**
 * Launches the software, whose orphans become children of ours, and records it. What cannot be recorded runs all the same,
 * and nobody reads what it writes. What a stop leaves in spite of all stays in the child record, for the next run to try.
 *
 * @throws {LaunchError}
 */
export async function launchSoftware(
  options: LaunchOptions,
  deps: SoftwareDependencies,
): Promise<ManagedProcess> {
  const { platform, recorder, childRecord, log } = deps;
  const mark = deps.newUuid();
  platform.adoptOrphans();
  childRecord.write({ mark });
  const recording = await recorder?.prepare({ ...options, mark });
  const output = recorder && (recording ? "pipe" : "null");
  let child: LaunchedProcess | undefined;
  const unlisten = listen(() => child, deps);
  let process: ManagedProcess;
  try {
    process = await ManagedProcess.launch({
      ...options,
      launchToken: mark,
      ...(output && { output }),
    }, {
      clock: deps.clock,
      ownPid: deps.pid,
      identify: (pid) => platform.identifyProcess(pid),
      control: () => platform.processControl(),
      claimsOrphans: () => recorder?.isAlone() ?? true,
      hasChildren: () => platform.hasChildren(),
      launch: async (options) => child = await launchVerified(options, deps),
      stopRequest: deps.stop,
      force: deps.hurry,
      onStopping: unlisten,
      async onStopped(survivors) {
        if (survivors.length > 0 || platform.hasChildren()) {
          await (await loadStopping()).settleStop(survivors, deps);
        }
        await recording?.ended();
        if (survivors.length > 0) return;
        await process.child.exited;
        childRecord.write(undefined);
      },
    });
  } catch (error) {
    unlisten();
    if (child === undefined) {
      await recording?.discard();
      childRecord.write(undefined);
    }
    throw error;
  }
  const { root, child: { pid, exited } } = process;
  exited.then(({ code }) => log.debug("software ended", { pid, status: code }));
  recording?.begin(process);
  deps.onLaunched(root.leader);
  try {
    childRecord.write({ leader: root.leader, mark });
    return process;
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/**
 * Listens from before the launch, so that nothing is missed: orphans that end are reaped, and the software is told that
 * the terminal's size has changed, as the terminal, whose session it is not in, does not tell it.
 */
function listen(
  child: () => LaunchedProcess | undefined,
  deps: SoftwareDependencies,
): () => void {
  const { platform, onSignal } = deps;
  let reaper: Promise<OrphanReaper> | undefined;
  const removals = [
    onSignal("resize", () => {
      const pid = child()?.pid;
      if (pid !== undefined) platform.signalGroup(pid, "SIGWINCH");
    }),
    onSignal("reap", async () => {
      if ([child()?.pid, undefined].includes(platform.endedChild())) return;
      reaper ??= loadStopping().then(({ openReaper }) => openReaper(deps));
      await (await reaper).reap();
    }),
  ];
  return () => removals.forEach((remove) => remove());
}

/** What outlived a killed run of ours must not stand beside the new one, though its leader may have ended. */
export async function stopLeftOver(deps: LeftOverDependencies): Promise<void> {
  const recorded = await deps.childRecord.read();
  if (recorded !== undefined) await (await loadStopping()).stopRecorded(recorded, deps);
}

import type { ChildDependencies, StopDependencies } from "./child_record.ts";
import {
  type LaunchedProcess,
  type LaunchOptions,
  launchVerified,
  makeLaunchToken,
} from "../process/launch.ts";
import { ManagedProcess } from "../process/managed_process.ts";
import type { OrphanReaper } from "../process/orphan_reaper.ts";

/** Stopping and reaping are imported on first use, so that they do not delay the launch. */
const loadStopping = () => import("./stop_child.ts");

/**
 * Launches the child and adopts its orphans. If its output cannot be recorded, it runs with its output discarded. If a
 * stop leaves survivors, the child record stays for the next run.
 *
 * @throws {LaunchError}
 */
export async function launchRecorded(
  options: LaunchOptions,
  deps: ChildDependencies,
): Promise<ManagedProcess> {
  const { platform, recorder, childRecord, log } = deps;
  const launchToken = makeLaunchToken(deps.machineId, deps.newUuid);
  platform.adoptOrphans();
  childRecord.write({ launchToken });
  const recording = await recorder?.prepare({ ...options, launchToken });
  const output = recorder && (recording ? "pipe" : "null");
  let child: LaunchedProcess | undefined;
  const unlisten = listenForSignals(() => child, deps);
  let process: ManagedProcess;
  try {
    process = await ManagedProcess.launch({
      ...options,
      launchToken,
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
      force: deps.force,
      onStopping: unlisten,
      async onStopped(survivors) {
        if (survivors.length > 0 || platform.hasChildren()) {
          await (await loadStopping()).finishStop(survivors, deps);
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
    childRecord.write({ leader: root.leader, launchToken });
    return process;
  } catch (error) {
    await process.stop();
    throw error;
  }
}

/**
 * Reaps orphans, and forwards SIGWINCH, which the terminal does not send to another session. To be called before the
 * launch, so that no signal is missed.
 */
function listenForSignals(
  child: () => LaunchedProcess | undefined,
  deps: ChildDependencies,
): () => void {
  const { platform, onSignal } = deps;
  let reaper: Promise<OrphanReaper> | undefined;
  const removals = [
    onSignal("resize", () => {
      const pid = child()?.pid;
      if (pid !== undefined) platform.signalGroup(pid, "SIGWINCH");
    }),
    onSignal("reap", async () => {
      if ([child()?.pid, undefined].includes(platform.findEndedChild())) return;
      reaper ??= loadStopping().then(({ openReaper }) => openReaper(deps));
      await (await reaper).reap();
    }),
  ];
  return () => removals.forEach((remove) => remove());
}

/** Stops processes that outlived an earlier, killed run at the same socket, even if their leader has ended. */
export async function stopLeftOver(deps: StopDependencies): Promise<void> {
  const recorded = await deps.childRecord.read();
  if (recorded !== undefined) await (await loadStopping()).stopRecorded(recorded, deps);
}

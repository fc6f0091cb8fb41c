import type {
  LeftOverDependencies,
  SoftwareDependencies,
  SoftwareRecording,
} from "./child_record.ts";
import type { ExitStatus } from "../core/exit_status.ts";
import { type LaunchedProcess, type LaunchOptions, launchVerified } from "../process/launch.ts";
import type { OrphanReaper } from "../process/orphan_reaper.ts";
import type { StopOptions } from "../process/running_process.ts";
import type { Survivor, TreeRoot } from "../process/process_tree.ts";

/** What is needed to stop and to reap comes when there is something to: the launch must not wait for it. */
const loadStopping = () => import("./stop_child.ts");

/** The running software, and all that it brings forth, whose orphans become children of ours. */
export class Software implements AsyncDisposable {
  readonly #child: LaunchedProcess;
  readonly #root: TreeRoot;
  readonly #deps: SoftwareDependencies;
  readonly #unlisten: () => void;
  readonly #recording: SoftwareRecording | undefined;
  #hasExited = false;
  #stopping: Promise<void> | undefined;

  private constructor(
    { child, unlisten, recording }: Launched,
    root: TreeRoot,
    deps: SoftwareDependencies,
  ) {
    this.#child = child;
    this.#root = root;
    this.#unlisten = unlisten;
    this.#recording = recording;
    this.#deps = deps;
    child.exited.then(({ code }) => {
      this.#hasExited = true;
      deps.log.debug("software ended", { pid: child.pid, status: code });
    });
    recording?.begin(child, root.leader);
  }

  /** @throws {LaunchError} */
  static async launch(options: LaunchOptions, deps: SoftwareDependencies): Promise<Software> {
    const mark = deps.newUuid();
    deps.platform.adoptOrphans();
    deps.childRecord.write({ mark });
    const launched = await launchRecorded({ ...options, mark }, deps);
    const root = { leader: await identify(launched.child.pid, deps), mark };
    const software = new Software(launched, root, deps);
    deps.onLaunched(root.leader);
    try {
      deps.childRecord.write(root);
      return software;
    } catch (error) {
      await software[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What its tree is recognised by. */
  get root(): TreeRoot {
    return this.#root;
  }

  /** Resolves once it has ended; never rejects. */
  get exited(): Promise<ExitStatus> {
    return this.#child.exited;
  }

  /** Stops whatever is left. Says who could not be stopped, and keeps the record for the next run to try. */
  stop(how: StopOptions = {}): Promise<void> {
    return this.#stopping ??= this.#stop(how);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(how: StopOptions): Promise<void> {
    if (!this.#hasExited) this.#recording?.stopping();
    this.#unlisten();
    const survivors = await this.#empty(how);
    await this.#recording?.finish(survivors);
    if (survivors.length > 0) return;
    await this.exited;
    this.#deps.childRecord.write(undefined);
  }

  /** Where there is no child, adopted or our own, there is nothing left, and nothing to look for. */
  async #empty(how: StopOptions): Promise<Survivor[]> {
    if (!this.#deps.platform.hasChildren()) return [];
    const { stopSoftware } = await loadStopping();
    return await stopSoftware(this.#root, {
      ...how,
      ...this.#deps,
      claimsOrphans: this.#deps.recorder?.isAlone() ?? true,
      isAsked: () => this.#child.hears.includes(this.#deps.stop.reason),
      exited: this.exited,
    });
  }
}

/** A launch with what goes with it. */
interface Launched {
  readonly child: LaunchedProcess;
  readonly unlisten: () => void;
  readonly recording: SoftwareRecording | undefined;
}

/** What cannot be recorded runs all the same, and nobody reads what it writes. */
async function launchRecorded(
  options: LaunchOptions & { readonly mark: string },
  deps: SoftwareDependencies,
): Promise<Launched> {
  const { recorder, childRecord } = deps;
  const recording = await recorder?.prepare(options);
  const output = recorder && (recording ? "pipe" : "null");
  try {
    return { ...await launchAndListen({ ...options, ...(output && { output }) }, deps), recording };
  } catch (error) {
    await recording?.discard();
    childRecord.write(undefined);
    throw error;
  }
}

/**
 * Listens from before the launch, so that nothing is missed: orphans that end are reaped, and the software is told that
 * the terminal's size has changed, as the terminal, whose session it is not in, does not tell it.
 */
async function launchAndListen(
  options: LaunchOptions,
  deps: SoftwareDependencies,
): Promise<{ child: LaunchedProcess; unlisten: () => void }> {
  const { platform, onSignal } = deps;
  let child: LaunchedProcess | undefined;
  let reaper: Promise<OrphanReaper> | undefined;
  const removals = [
    onSignal("resize", () => child && platform.signalGroup(child.pid, "SIGWINCH")),
    onSignal("reap", async () => {
      if ([child?.pid, undefined].includes(platform.endedChild())) return;
      reaper ??= loadStopping().then(({ openReaper }) => openReaper(deps));
      await (await reaper).reap();
    }),
  ];
  const unlisten = () => removals.forEach((remove) => remove());
  try {
    child = await launchVerified(options, deps);
    return { child, unlisten };
  } catch (error) {
    unlisten();
    throw error;
  }
}

/** Where it has ended already, all that can be said is that it is younger than we are. */
async function identify(
  pid: number,
  deps: SoftwareDependencies,
): Promise<TreeRoot["leader"]> {
  const { platform } = deps;
  const leader = await platform.identifyProcess(pid) ?? await platform.identifyProcess(deps.pid);
  if (leader === undefined) throw new Error("Cannot identify processes: /proc is not readable");
  return { ...leader, pid };
}

/** What outlived a killed run of ours must not stand beside the new one, though its leader may have ended. */
export async function stopLeftOver(deps: LeftOverDependencies): Promise<void> {
  const recorded = await deps.childRecord.read();
  if (recorded === undefined) return;
  const { findLeftOver, stopSoftware } = await loadStopping();
  const root = await findLeftOver(recorded, deps);
  if (root === undefined) return;
  deps.log.warn(`stopping the software that an earlier run left behind (pid ${root.leader.pid})`);
  await stopSoftware(root, { ...deps, claimsOrphans: false });
}

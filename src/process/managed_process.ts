import type { Clock } from "../core/clock.ts";
import type { ExitStatus, ProcessIdentity } from "../core/process.ts";
import type { ProcessControl } from "../platform/process_contract.ts";
import { launch, type LaunchedProcess, type LaunchOptions } from "./launch.ts";
import type { ProcessTree, StopTreeOptions, Survivor, TreeRoot } from "./process_tree.ts";

/** Loaded at the first stop, so that a launch does not wait for it. */
const loadTree = () => import("./process_tree.ts");

export type StopOptions = Pick<StopTreeOptions, "signal" | "graceMs" | "force">;

interface ManagedProcessDependencies {
  readonly clock: Clock;
  /** Our own pid. */
  readonly ownPid: number;
  /** Identifies a process; `undefined` if it does not exist. */
  readonly identify: (
    pid: number,
  ) => ProcessIdentity | undefined | Promise<ProcessIdentity | undefined>;
  /** Called each time the tree is examined. */
  readonly control: () => ProcessControl | Promise<ProcessControl>;
  /** See {@linkcode TreeDependencies.claimsOrphans}. */
  readonly claimsOrphans: () => boolean;
  /** False if our process has no children, including adopted ones, so that there is nothing to stop. */
  readonly hasChildren?: (() => boolean) | undefined;
  /** Default: {@linkcode launch}. */
  readonly launch?: ((options: LaunchOptions) => Promise<LaunchedProcess>) | undefined;
  /** Aborts when we are asked to stop; the reason may be one of {@linkcode LaunchedProcess.hears}. */
  readonly stopRequest?: AbortSignal | undefined;
  /** Ends the grace period of a stop early; default of {@linkcode StopOptions}. */
  readonly force?: AbortSignal | undefined;
  /** Called when a stop begins. */
  readonly onStopping?: (() => void) | undefined;
  /** Called when a stop is complete; {@linkcode ManagedProcess.stop} waits for it. */
  readonly onStopped?: ((survivors: readonly Survivor[]) => Promise<void>) | undefined;
}

/**
 * A launched process and its descendants.
 *
 * @example
 * ```ts
 * const process = await ManagedProcess.launch({ path, args: [], env: {}, launchToken }, deps);
 * const survivors = await process.stop({ graceMs: 5_000 });
 * const status = await process.ended;
 * ```
 */
export class ManagedProcess {
  /** Resolves when the process exits, with `undefined` if it survived SIGKILL. Never rejects. */
  readonly ended: Promise<ExitStatus | undefined>;
  readonly #deps: ManagedProcessDependencies;
  readonly #emptied = Promise.withResolvers<readonly Survivor[]>();
  #stopping: Promise<readonly Survivor[]> | undefined;
  #hasExited = false;
  #isStopRequested = false;

  private constructor(
    readonly child: LaunchedProcess,
    /** Identifies the process tree. */
    readonly root: TreeRoot,
    deps: ManagedProcessDependencies,
  ) {
    this.#deps = deps;
    child.exited.then(() => this.#hasExited = true);
    this.ended = Promise.race([child.exited, this.#waitUntilUnkillable()]);
  }

  /**
   * Launches a program.
   *
   * @throws {LaunchError} Nothing is left running.
   */
  static async launch(
    options: LaunchOptions & { readonly launchToken: string },
    deps: ManagedProcessDependencies,
  ): Promise<ManagedProcess> {
    const own = await deps.identify(deps.ownPid);
    if (own === undefined) {
      throw new Error("Cannot identify processes: the system does not list this program");
    }
    const child = await (deps.launch ?? launch)(options);
    // if it has already exited, the only known bound is that it started after us
    const leader = { ...(await deps.identify(child.pid) ?? own), pid: child.pid };
    return new ManagedProcess(child, { leader, launchToken: options.launchToken }, deps);
  }

  /** Whether a stop was requested while it ran. */
  get isStopRequested(): boolean {
    return this.#isStopRequested;
  }

  /** Resolves with the survivors when {@linkcode stop} has stopped the tree. */
  get emptied(): Promise<readonly Survivor[]> {
    return this.#emptied.promise;
  }

  /** Records that a stop is requested, unless the process has already exited. */
  noteStopRequest(): void {
    this.#isStopRequested ||= !this.#hasExited;
  }

  /** Stops the tree and returns the survivors; a second call waits for the first. */
  stop(options: StopOptions = {}): Promise<readonly Survivor[]> {
    return this.#stopping ??= this.#stop(options);
  }

  async openTree(): Promise<ProcessTree> {
    const { control, ownPid, claimsOrphans } = this.#deps;
    const { ProcessTree } = await loadTree();
    return new ProcessTree(this.root, { control: await control(), ownPid, claimsOrphans });
  }

  async #stop(options: StopOptions): Promise<readonly Survivor[]> {
    const { onStopping, onStopped } = this.#deps;
    this.noteStopRequest();
    onStopping?.();
    const emptied = this.#stopTree(options);
    this.#emptied.resolve(emptied);
    const survivors = await emptied;
    await onStopped?.(survivors);
    return survivors;
  }

  async #stopTree(options: StopOptions): Promise<readonly Survivor[]> {
    const { clock, hasChildren, stopRequest, force } = this.#deps;
    if (hasChildren?.() === false) return [];
    const { stopTree } = await loadTree();
    const isAsked = () => this.child.hears.includes(stopRequest?.reason);
    return await stopTree(await this.openTree(), {
      ...options,
      force: options.force ?? force,
      clock,
      isAsked,
      exited: this.child.exited,
    });
  }

  /** Resolves if the process survived a stop. */
  async #waitUntilUnkillable(): Promise<undefined> {
    const survivors = await this.#emptied.promise.catch(() => []);
    if (!survivors.some(({ pid }) => pid === this.child.pid)) await this.child.exited;
    return undefined;
  }
}

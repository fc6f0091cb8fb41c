import type { Clock } from "../core/clock.ts";
import type { ExitStatus, ProcessIdentity } from "../core/process.ts";
import type { ProcessControl } from "../platform/process_contract.ts";
import { launch, type LaunchedProcess, type LaunchOptions } from "./launch.ts";
import type { ProcessTree, StopTreeOptions, Survivor, TreeRoot } from "./process_tree.ts";

/** What stopping takes comes when there is something to stop: a launch must not wait for it. */
const loadTree = () => import("./process_tree.ts");

/** How a process is stopped. */
export type StopOptions = Pick<StopTreeOptions, "signal" | "graceMs" | "hurry">;

export interface ManagedProcessDependencies {
  readonly clock: Clock;
  /** Our own pid. */
  readonly ownPid: number;
  /** What tells a process from later ones with its pid. */
  readonly identify: (
    pid: number,
  ) => ProcessIdentity | undefined | Promise<ProcessIdentity | undefined>;
  /** Asked for when the tree is looked at. */
  readonly control: () => ProcessControl | Promise<ProcessControl>;
  /** See {@linkcode TreeDependencies.claimsOrphans}. */
  readonly claimsOrphans: () => boolean;
  /** False if this program has no child, adopted ones included, so that nothing is left to stop. */
  readonly hasChildren?: (() => boolean) | undefined;
  /** Launches (default: {@linkcode launch}). */
  readonly launch?: ((options: LaunchOptions) => Promise<LaunchedProcess>) | undefined;
  /** Aborted by a request to stop us; its reason may be a signal that the process hears, too. */
  readonly stopRequest?: AbortSignal | undefined;
  /** Cuts the grace of the stop short, unless the stop has a signal of its own for that. */
  readonly hurry?: AbortSignal | undefined;
  /** Called when the stop begins. */
  readonly onStopping?: (() => void) | undefined;
  /** Called when the stop is over; {@linkcode ManagedProcess.stop} waits for it. */
  readonly onStopped?: ((survivors: readonly Survivor[]) => Promise<void>) | undefined;
}

/** A launched process with all that descends from it: its identity, its end, and its stop. */
export class ManagedProcess {
  /** Resolves once it has ended; `undefined` if not even SIGKILL ended it. Never rejects. */
  readonly ended: Promise<ExitStatus | undefined>;
  readonly #deps: ManagedProcessDependencies;
  readonly #emptied = Promise.withResolvers<readonly Survivor[]>();
  #stopping: Promise<readonly Survivor[]> | undefined;
  #hasExited = false;
  #isAsked = false;

  private constructor(
    readonly child: LaunchedProcess,
    /** What its tree is recognized by. */
    readonly root: TreeRoot,
    deps: ManagedProcessDependencies,
  ) {
    this.#deps = deps;
    child.exited.then(() => this.#hasExited = true);
    this.ended = Promise.race([child.exited, this.#givenUp()]);
  }

  /**
   * Launches a program.
   *
   * @param options `mark`: unique, and not to be guessed.
   * @throws {LaunchError} and then nothing is left of it.
   */
  static async launch(
    options: LaunchOptions & { readonly mark: string },
    deps: ManagedProcessDependencies,
  ): Promise<ManagedProcess> {
    const own = await deps.identify(deps.ownPid);
    if (own === undefined) {
      throw new Error("Cannot identify processes: the system does not list this program");
    }
    const child = await (deps.launch ?? launch)(options);
    // if it has ended already, all that can be said is that it is younger than we are
    const leader = { ...(await deps.identify(child.pid) ?? own), pid: child.pid };
    return new ManagedProcess(child, { leader, mark: options.mark }, deps);
  }

  /** Whether it was asked to stop while it ran, so that its status is not an end by itself. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Resolves when {@linkcode stop} has emptied the tree, with what is left in spite of it. */
  get emptied(): Promise<readonly Survivor[]> {
    return this.#emptied.promise;
  }

  /** From now on its end is no end by itself. */
  noteAsked(): void {
    this.#isAsked ||= !this.#hasExited;
  }

  /** Stops what is left of the tree, and returns what is left in spite of it; a second call waits for the first. */
  stop(how: StopOptions = {}): Promise<readonly Survivor[]> {
    return this.#stopping ??= this.#stop(how);
  }

  /** The tree, to be looked at. */
  async openTree(): Promise<ProcessTree> {
    const { control, ownPid, claimsOrphans } = this.#deps;
    const { ProcessTree } = await loadTree();
    return new ProcessTree(this.root, { control: await control(), ownPid, claimsOrphans });
  }

  async #stop(how: StopOptions): Promise<readonly Survivor[]> {
    const { onStopping, onStopped } = this.#deps;
    this.noteAsked();
    onStopping?.();
    const emptied = this.#empty(how);
    this.#emptied.resolve(emptied);
    const survivors = await emptied;
    await onStopped?.(survivors);
    return survivors;
  }

  async #empty(how: StopOptions): Promise<readonly Survivor[]> {
    const { clock, hasChildren, stopRequest, hurry } = this.#deps;
    if (hasChildren?.() === false) return [];
    const { stopTree } = await loadTree();
    const isAsked = () => this.child.hears.includes(stopRequest?.reason);
    return await stopTree(await this.openTree(), {
      ...how,
      hurry: how.hurry ?? hurry,
      clock,
      isAsked,
      exited: this.child.exited,
    });
  }

  async #givenUp(): Promise<undefined> {
    const survivors = await this.#emptied.promise.catch(() => []);
    if (!survivors.some(({ pid }) => pid === this.child.pid)) await this.child.exited;
    return undefined;
  }
}

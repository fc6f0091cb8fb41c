import { selectPlatform } from "../../src/platform/select.ts";
import type { ProcessControl } from "../../src/platform/process_contract.ts";
import { launch, type LaunchedProcess } from "../../src/process/launch.ts";
import { ProcessTree } from "../../src/process/process_tree.ts";
import { openLibraries } from "./open_libraries.ts";
import { LineReader } from "./program.ts";

openLibraries();

/** Finds and signals real processes. */
export const processControl: ProcessControl = await selectPlatform().processControl();

/** A shell that runs in a session of its own; killed at the end with all processes that have its launch token. */
export class ShellProcess implements AsyncDisposable {
  protected constructor(readonly child: LaunchedProcess, readonly tree: ProcessTree) {}

  static async start(script: string, ...args: string[]): Promise<ShellProcess> {
    return new ShellProcess(...await launchShell(script, args));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.tree.members()) processControl.signal(member, "SIGKILL");
    await this.child.exited;
  }
}

/** One whose streams are read by lines. */
export class LaunchedShell extends ShellProcess {
  readonly stdout = new LineReader(this.child.output!.stdout);
  readonly stderr = new LineReader(this.child.output!.stderr);

  static async launch(script: string, ...args: string[]): Promise<LaunchedShell> {
    return new LaunchedShell(...await launchShell(script, args));
  }

  /** The pid that the script says in a line `NAME PID`. */
  async pid(name: string): Promise<number> {
    return Number((await this.stdout.match(new RegExp(`^${name} (\\d+)$`, "m")))[1]);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await Promise.all([this.stdout.ended, this.stderr.ended]);
  }
}

async function launchShell(
  script: string,
  args: readonly string[],
): Promise<[LaunchedProcess, ProcessTree]> {
  const launchToken = crypto.randomUUID();
  const child = await launch({
    path: "/bin/sh",
    args: ["-c", script, "sh", ...args],
    env: {},
    launchToken,
    output: "pipe",
  });
  // one that has ended already is younger than we are, and that will do
  const leader = processControl.identify(child.pid) ?? processControl.identify(Deno.pid)!;
  return [child, treeOf({ ...leader, pid: child.pid }, launchToken)];
}

function treeOf(leader: ProcessTree["root"]["leader"], launchToken: string): ProcessTree {
  return new ProcessTree({ leader, launchToken }, {
    control: processControl,
    ownPid: Deno.pid,
    // other tests' orphans are not ours
    claimsOrphans: () => false,
  });
}

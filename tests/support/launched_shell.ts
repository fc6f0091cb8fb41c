import { selectPlatform } from "../../src/platform/select.ts";
import type { ProcessControl } from "../../src/platform/process_control.ts";
import { launch, type LaunchedProcess } from "../../src/process/launch.ts";
import { ProcessTree } from "../../src/process/process_tree.ts";
import { LineReader } from "./program.ts";

/** Finds and signals real processes. */
export const processControl: ProcessControl = await selectPlatform().processControl();

/** A shell's script that runs in a session of its own; killed at the end with all that bears its mark. */
export class LaunchedShell implements AsyncDisposable {
  readonly stdout: LineReader;
  readonly stderr: LineReader;

  private constructor(readonly child: LaunchedProcess, readonly tree: ProcessTree) {
    this.stdout = new LineReader(child.output!.stdout);
    this.stderr = new LineReader(child.output!.stderr);
  }

  static async launch(script: string, ...args: string[]): Promise<LaunchedShell> {
    const mark = crypto.randomUUID();
    const child = await launch({
      path: "/bin/sh",
      args: ["-c", script, "sh", ...args],
      env: {},
      mark,
      output: "pipe",
    });
    // one that has ended already is younger than we are, and that will do
    const leader = processControl.identify(child.pid) ?? processControl.identify(Deno.pid)!;
    return new LaunchedShell(child, treeOf({ ...leader, pid: child.pid }, mark));
  }

  /** The pid that the script says in a line `NAME PID`. */
  async pid(name: string): Promise<number> {
    return Number((await this.stdout.match(new RegExp(`^${name} (\\d+)$`, "m")))[1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.tree.members()) processControl.signal(member, "SIGKILL");
    await Promise.all([this.child.exited, this.stdout.ended, this.stderr.ended]);
  }
}

function treeOf(leader: ProcessTree["root"]["leader"], mark: string): ProcessTree {
  return new ProcessTree({ leader, mark }, {
    control: processControl,
    ownPid: Deno.pid,
    // other tests' orphans are not ours
    claimsOrphans: () => false,
  });
}

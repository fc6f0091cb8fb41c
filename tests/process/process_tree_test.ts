// Not on Windows: it starts POSIX programs.
import { assertEquals } from "@std/assert";
import type { ListedProcess, ProcessControl } from "../../src/platform/process_contract.ts";
import { ProcessTree, type TreeDependencies } from "../../src/process/process_tree.ts";
import { LaunchedShell } from "../support/launched_shell.ts";

const OWN_PID = 7;

const LEADER: ListedProcess = {
  pid: 4711,
  parent: OWN_PID,
  group: 4711,
  session: 4711,
  startTime: "1000",
  name: "leader",
  state: "alive",
};

/** Of the leader's, in a session and group of its own. */
const CHILD = { ...LEADER, parent: LEADER.pid, group: 0, session: 0 };

/** The pids of the tree's members among these processes, at each look. */
function membersAmong(
  listed: ListedProcess[],
  dependencies: Partial<TreeDependencies> = {},
): () => number[] {
  const control = {
    list: () => listed,
    bootId: () => "boot",
    variable: () => undefined,
    isInContainer: () => false,
  } as unknown as ProcessControl;
  const { pid, startTime } = LEADER;
  const tree = new ProcessTree({ leader: { pid, startTime, bootId: "boot" } }, {
    control,
    ownPid: OWN_PID,
    claimsOrphans: () => false,
    ...dependencies,
  });
  return () => tree.members().map(({ pid }) => pid);
}

Deno.test("a process whose parent's pid was reused by a member is not in its tree", () => {
  const members = membersAmong([
    LEADER,
    { ...CHILD, pid: 11, startTime: "3000" },
    { ...CHILD, pid: 12, parent: 11, startTime: "4000" },
    { ...CHILD, pid: 13, parent: 11, startTime: "2000" },
  ]);
  assertEquals(members(), [4711, 11, 12]);
});

Deno.test("a process that is older than the leader is not in its tree", () => {
  assertEquals(membersAmong([LEADER, { ...LEADER, pid: 11, startTime: "999" }])(), [4711]);
});

Deno.test("a member stays in its tree whatever happens to its parent", () => {
  const child = { ...CHILD, pid: 11, startTime: "2000" };
  const listed = [LEADER, child];
  const members = membersAmong(listed);
  assertEquals(members(), [4711, 11]);
  listed.splice(0, 2, { ...child, parent: 1 }, { ...child, pid: 12, parent: 1 });
  assertEquals(members(), [11]);
});

Deno.test("an adopted orphan is in the tree that claims it, another child of ours in none", async () => {
  await using shell = await LaunchedShell.launch("exec sleep 1000");
  const orphan = { ...CHILD, parent: OWN_PID, startTime: "2000" };
  const listed = [
    LEADER,
    { ...orphan, pid: 11 },
    { ...orphan, pid: 12, parent: 1 },
    { ...orphan, pid: shell.child.pid },
  ];
  assertEquals(membersAmong(listed)(), [4711]);
  assertEquals(membersAmong(listed, { claimsOrphans: () => true })(), [4711, 11]);
});

// Not on Windows: it starts POSIX programs.
import { assert, assertEquals } from "@std/assert";
import type { ListedProcess, ProcessControl } from "../../src/platform/process_contract.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ProcessTree } from "../../src/process/process_tree.ts";
import { stopTree } from "../../src/process/process_tree.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { LaunchedShell, processControl } from "../support/launched_shell.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const isThere = (pid: number) => processControl.identify(pid) !== undefined;

/** The same tree, and the signals that are sent to it. */
function observed({ root, dependencies }: ProcessTree): { tree: ProcessTree; sent: string[] } {
  const sent: string[] = [];
  const control: ProcessControl = {
    ...processControl,
    signal: (...[process, signal]) => (sent.push(signal), processControl.signal(process, signal)),
    signalGroup: (...[leader, signal]) => (
      sent.push(signal), processControl.signalGroup(leader, signal)
    ),
  };
  return { tree: new ProcessTree(root, { ...dependencies, control }), sent };
}

Deno.test("stopTree() sends SIGTERM first, and reports that no process is left", async () => {
  await using shell = await LaunchedShell.launch(
    'trap "echo bye; exit 3" TERM; echo up $$; while :; do sleep 0.01; done',
  );
  await shell.pid("up");
  const { child: { exited } } = shell;
  assertEquals(await stopTree(shell.tree, { clock: systemClock, exited }), []);
  assertEquals(await exited, { code: 3, signal: undefined });
  await shell.stdout.match(/bye/);
});

Deno.test("stopTree() kills processes that ignore SIGTERM after the grace, not before", async () => {
  await using shell = await LaunchedShell.launch(
    'trap "" TERM; echo up $$; while :; do sleep 0.01; done',
  );
  const pid = await shell.pid("up");
  const clock = new FakeClock();
  const stopped = stopTree(shell.tree, { clock, graceMs: 10_000 });
  await clock.advance(9_999);
  assert(isThere(pid));
  const killed = Promise.race([stopped, shell.child.exited]);
  await clock.advance(1);
  await killed;
  assertEquals(await shell.child.exited, { code: 137, signal: "SIGKILL" });
  await clock.advance(1_000);
  assertEquals(await stopped, []);
});

Deno.test("stopTree() sends nothing during the grace to processes that another sender signaled", async () => {
  await using shell = await LaunchedShell.launch("echo up $$; exec sleep 1000");
  const pid = await shell.pid("up");
  const { tree, sent } = observed(shell.tree);
  const clock = new FakeClock();
  const stopped = stopTree(tree, { clock, graceMs: 10_000, isAsked: () => true });
  await clock.advance(9_999);
  assertEquals([isThere(pid), sent], [true, []]);
  await clock.advance(1);
  assertEquals((await shell.child.exited).signal, "SIGKILL");
  await clock.advance(1_000);
  assertEquals(await stopped, []);
});

Deno.test("stopTree() does not wait for the grace once it is forced", async () => {
  await using shell = await LaunchedShell.launch(
    'trap "echo no" TERM; echo up $$; while :; do sleep 0.01; done',
  );
  await shell.pid("up");
  const { tree, sent } = observed(shell.tree);
  const clock = new FakeClock();
  const force = new AbortController();
  const stopped = stopTree(tree, { clock, graceMs: 10_000, force: force.signal });
  await shell.stdout.match(/no/);
  assertEquals(sent, ["SIGTERM", "SIGCONT"]);
  force.abort();
  await clock.advance(0);
  assertEquals(sent[2], "SIGKILL");
  assertEquals((await shell.child.exited).signal, "SIGKILL");
  await clock.advance(1_000);
  assertEquals(await stopped, []);
});

Deno.test("stopTree() sends the given signal", async () => {
  await using shell = await LaunchedShell.launch(
    'trap "exit 5" INT; echo up $$; while :; do sleep 0.01; done',
  );
  await shell.pid("up");
  assertEquals(await stopTree(shell.tree, { clock: systemClock, signal: "SIGINT" }), []);
  assertEquals((await shell.child.exited).code, 5);
});

Deno.test("stopTree() continues a stopped process, so that it receives the signal", async () => {
  await using shell = await LaunchedShell.launch(
    'trap "exit 4" TERM; echo up $$; kill -STOP $$; while :; do sleep 0.01; done',
  );
  await shell.pid("up");
  assertEquals(await stopTree(shell.tree, { clock: systemClock }), []);
  assertEquals((await shell.child.exited).code, 4);
});

Deno.test("stopTree() stops the group whose leader has ended", async () => {
  await using shell = await LaunchedShell.launch("sleep 1000 & echo left $!");
  const left = await shell.pid("left");
  await shell.child.exited;
  assert(isThere(left));
  assertEquals(await stopTree(shell.tree, { clock: systemClock }), []);
  assert(!isThere(left));
});

testWith(
  [needsProgram("setsid")],
  "stopTree() finds a double-forked process in a session of its own",
  async () => {
    await using shell = await LaunchedShell.launch(
      `(setsid sh -c 'echo daemon $$; exec sleep 1000' &) ; sleep 1000`,
    );
    const daemon = await shell.pid("daemon");
    const entry = processControl.list().find(({ pid }) => pid === daemon)!;
    assertEquals([entry.session, entry.group], [daemon, daemon]);
    assertEquals(await stopTree(shell.tree, { clock: systemClock }), []);
    assert(!isThere(daemon));
  },
);

testWith(
  [needsProgram("setsid")],
  "stopTree() kills processes that start while it stops the others",
  async () => {
    await using shell = await LaunchedShell.launch(
      `trap 'setsid sh -c "trap \\"\\" TERM; echo late \\$\\$; while :; do sleep 0.01; done" & wait' TERM
       echo up $$; while :; do sleep 0.01; done`,
    );
    await shell.pid("up");
    const clock = new FakeClock();
    const stopped = stopTree(shell.tree, { clock, graceMs: 10_000 });
    const late = await shell.pid("late");
    await clock.advance(10_000);
    await shell.child.exited;
    // it left the group, and is signaled now
    await clock.advance(1_000);
    await shell.stdout.ended;
    await clock.advance(1_000);
    assertEquals(await stopped, []);
    assert(!isThere(late));
  },
);

Deno.test("stopTree() of an ended tree returns at once", async () => {
  await using shell = await LaunchedShell.launch("exit 0");
  await shell.child.exited;
  assertEquals(await stopTree(shell.tree, { clock: new FakeClock() }), []);
});

Deno.test("stopTree() does not signal a process with a reused pid", async () => {
  await using shell = await LaunchedShell.launch("echo up $$; exec sleep 1000");
  const pid = await shell.pid("up");
  const { leader } = shell.tree.root;
  for (const other of [{ ...leader, startTime: "1" }, { ...leader, bootId: "before" }]) {
    const tree = new ProcessTree({ leader: other }, shell.tree.dependencies);
    assertEquals(await stopTree(tree, { clock: new FakeClock() }), []);
  }
  assert(isThere(pid));
});

const LEADER = { pid: 4711, startTime: "1000", bootId: "boot" };

const STUBBORN: ListedProcess = {
  pid: 4711,
  parent: 1,
  group: 4711,
  session: 4711,
  startTime: "1000",
  name: "stubborn",
  state: "alive",
};

/** A tree among these processes, which end by no signal. */
function treeAmong(listed: ListedProcess[], outcome: "sent" | "denied" = "sent"): ProcessTree {
  const control = {
    list: () => listed,
    bootId: () => "boot",
    variable: () => undefined,
    isInContainer: () => false,
    signal: () => outcome,
    signalGroup: () => outcome,
  } as unknown as ProcessControl;
  return new ProcessTree({ leader: LEADER }, { control, ownPid: 1, claimsOrphans: () => false });
}

for (
  const [why, state, outcome] of [
    ["denied", "alive", "denied"],
    ["uninterruptible", "uninterruptible", "sent"],
    ["unkillable", "alive", "sent"],
  ] as const
) {
  Deno.test(`stopTree() reports remaining processes: ${why}`, async () => {
    const clock = new FakeClock();
    const stopped = stopTree(treeAmong([{ ...STUBBORN, state }], outcome), { clock, graceMs: 100 });
    await clock.advance(20_000);
    assertEquals(await stopped, [{ pid: 4711, name: "stubborn", why }]);
  });
}

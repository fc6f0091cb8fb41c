// Not on Windows: it starts POSIX programs.
import { assertEquals } from "@std/assert";
import type { ListedProcess, ProcessControl } from "../../src/platform/process_contract.ts";
import { OrphanReaper } from "../../src/process/orphan_reaper.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { LaunchedShell } from "../support/launched_shell.ts";

const OWN_PID = 7;

const ORPHAN: ListedProcess = {
  pid: 11,
  parent: OWN_PID,
  group: 11,
  session: 11,
  startTime: "100",
  state: "ended",
  name: "orphan",
};

/** A reaper with processes that the test lists, and the reaped pids. */
function reaperAmong(...processes: ListedProcess[]) {
  const clock = new FakeClock(), reaped: number[] = [], listed = [...processes];
  const control = {
    list: () => [...listed],
    reap(pid: number) {
      reaped.push(pid);
      listed.splice(listed.findIndex((entry) => entry.pid === pid), 1);
      return true;
    },
  } as unknown as ProcessControl;
  return { reaper: new OrphanReaper({ control, clock, ownPid: OWN_PID }), clock, reaped, listed };
}

Deno.test("reap() reaps our ended children at the second look, and no other process", async () => {
  const { reaper, clock, reaped } = reaperAmong(
    ORPHAN,
    { ...ORPHAN, pid: 12, state: "alive" },
    { ...ORPHAN, pid: 13, parent: 1 },
    { ...ORPHAN, pid: 14 },
  );
  const reaping = reaper.reap();
  await clock.sleepers(1);
  assertEquals(reaped, []);
  await clock.advance(20);
  await reaping;
  assertEquals(reaped, [11, 14]);
});

Deno.test("reap() does not reap a child with the reused pid of an ended one", async () => {
  const { reaper, clock, reaped, listed } = reaperAmong(ORPHAN);
  const reaping = reaper.reap();
  await clock.sleepers(1);
  listed[0] = { ...ORPHAN, startTime: "200" };
  await clock.advance(20);
  await reaping;
  assertEquals(reaped, []);
});

Deno.test("reap() does not reap a child that the runtime waits for", async () => {
  await using shell = await LaunchedShell.launch("exec sleep 1000");
  const { reaper, clock, reaped } = reaperAmong({ ...ORPHAN, pid: shell.child.pid }, ORPHAN);
  const reaping = reaper.reap();
  await clock.sleepers(1);
  await clock.advance(20);
  await reaping;
  assertEquals(reaped, [11]);
});

Deno.test("reap() looks again for processes that ended while it was looking", async () => {
  const { reaper, clock, reaped, listed } = reaperAmong(ORPHAN);
  const first = reaper.reap();
  await clock.sleepers(1);
  listed.push({ ...ORPHAN, pid: 12 });
  const second = reaper.reap();
  await clock.advance(20);
  await clock.advance(20);
  await Promise.all([first, second]);
  assertEquals(reaped, [11, 12]);
});

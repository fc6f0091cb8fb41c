// Not on Windows: it starts POSIX programs.
/** Result of reopening a table after a crash. */
import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import type { ProcessRecord } from "../../src/process/records.ts";
import { ProcessTable } from "../../src/process/process_table.ts";
import { RecordStore } from "../../src/process/records.ts";
import { LaunchedShell, processControl } from "../support/launched_shell.ts";
import {
  endingOf,
  namesIn,
  openTable,
  shell,
  TABLE_DEPENDENCIES,
} from "../support/process_tables.ts";
import { startProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const RUNNING: Omit<ProcessRecord, "id"> = {
  command: "x",
  args: [],
  state: "running",
  mark: "m",
  startedAtMs: 0,
  outputBytes: 0,
};

Deno.test("after a crash, running processes are stopped and the others are lost", async () => {
  await using folder = await temporaryFolder();
  await using holder = startProgram([
    folder.path,
    "echo first; trap '' PIPE; while :; do sleep 0.01; done",
    "exec sleep 1000",
  ], { fixture: "hold_table.ts" });
  const [, first] = await holder.stdout.match(/^1 (\d+)$/m);
  const [, second] = await holder.stdout.match(/^2 (\d+)$/m);
  holder.kill("SIGKILL");
  await holder.end();
  Deno.kill(Number(second), "SIGKILL");
  // kill(2) returns before the process has ended
  while (processControl.identify(Number(second)) !== undefined) await systemClock.sleep(1);
  await using table = await openTable(folder.path);
  assertEquals(endingOf(await table.query("1"))?.state, "stopped");
  assertEquals(endingOf(await table.query("2"))?.state, "lost");
  assertEquals(processControl.identify(Number(first)), undefined);
});

Deno.test("a process that a crash left without a recorded identity is found by its launch token and stopped", async () => {
  await using folder = await temporaryFolder();
  await using left = await LaunchedShell.launch("sleep 1000 & exec sleep 1000");
  {
    using store = (await RecordStore.open(folder.path, { sync: false }))!;
    const { launchToken } = left.tree.root;
    await store.add({ ...RUNNING, mark: launchToken! });
    await store.add({ ...RUNNING, mark: "nobody's" });
  }
  await using table = await openTable(folder.path);
  assertEquals(endingOf(await table.query("1"))?.state, "stopped");
  assertEquals(endingOf(await table.query("2"))?.state, "lost");
  assertEquals(left.tree.members(), []);
});

Deno.test("the process of a record from an earlier boot is lost", async () => {
  await using folder = await temporaryFolder();
  {
    using store = (await RecordStore.open(folder.path, { sync: true }))!;
    const own = processControl.identify(Deno.pid)!;
    await store.add({ ...RUNNING, identity: { ...own, bootId: "before" } });
  }
  await using table = await openTable(folder.path);
  assertEquals(endingOf(await table.query("1"))?.state, "lost");
});

Deno.test("a record of an earlier version, with the survivors of a stop, is still read", async () => {
  await using folder = await temporaryFolder();
  const stopped = { ...RUNNING, id: "1", state: "stopped", endedAtMs: 9 };
  const survivors = [{ pid: 4711, name: "sh", why: "denied" }];
  await Deno.mkdir(folder.at("1/output"), { recursive: true });
  await Deno.writeTextFile(folder.at("1/record.json"), JSON.stringify({ ...stopped, survivors }));
  await using table = await openTable(folder.path);
  const record = await table.query("1");
  assertEquals([record?.state, record?.endedAtMs, record?.mark], ["stopped", 9, RUNNING.mark]);
  assertEquals((await Array.fromAsync(table.list())).length, 1);
});

Deno.test("reopening removes what a crash left of an unrecorded process, and nothing else", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("7/output"), { recursive: true });
  await Deno.writeTextFile(folder.at("7/record.json.tmp"), "{");
  await Deno.mkdir(folder.at("2024/photos"), { recursive: true });
  await using table = await openTable(folder.path);
  assertEquals(namesIn(folder.path), ["2024", "lock"]);
  assertEquals(namesIn(folder.at("2024")), ["photos"]);
  assertEquals(await table.query("7"), undefined);
});

Deno.test("a malformed record is ignored and blocks nothing", async () => {
  await using folder = await temporaryFolder();
  for (const [i, text] of ["", "{", "[]", "{}", "null", '{"id":1}'].entries()) {
    await Deno.mkdir(folder.at(String(i + 1)));
    await Deno.writeTextFile(folder.at(`${i + 1}/record.json`), text);
  }
  await using table = await openTable(folder.path);
  assertEquals(await Array.fromAsync(table.list()), []);
  assertEquals((await table.start(shell("exit 0"))).id, "7");
});

const UNUSABLE: Readonly<Record<string, string>> = {
  "a record that cannot be read": "1/record.json",
  "a last id that cannot be read": "last_id",
};

for (const [what, path] of Object.entries(UNUSABLE)) {
  Deno.test(`a folder with ${what} is not opened, and its lock is released`, async () => {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.at(path), { recursive: true });
    await assertRejects(
      () => ProcessTable.open(folder.path, TABLE_DEPENDENCIES),
      Error,
      "Is a directory",
    );
    await Deno.remove(folder.at(path));
    await using _table = await openTable(folder.path);
  });
}

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { LaunchError } from "../../src/process/launch_error.ts";
import { readOutput } from "../../src/process/output_reader.ts";
import type { ProcessRecord } from "../../src/process/process_record.ts";
import { ProcessTable, type ProcessTableDependencies } from "../../src/process/process_table.ts";
import { RecordStore } from "../../src/process/record_store.ts";
import { processControl } from "../support/launched_shell.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { readAll } from "../support/recorded.ts";
import { startProgram } from "../support/program.ts";
import { NEEDS_ROOT, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

const DEPENDENCIES: ProcessTableDependencies = {
  control: processControl,
  clock: systemClock,
  // not our own, so that no other test's orphan is claimed
  ownPid: -1,
  newMark: () => crypto.randomUUID(),
};

async function openTable(
  folder: TemporaryFolder,
  deps: Partial<ProcessTableDependencies> = {},
): Promise<ProcessTable> {
  const own = processControl.identify(Deno.pid);
  const control = {
    ...processControl,
    identify: (pid: number) => pid === -1 ? own : processControl.identify(pid),
  };
  const table = await ProcessTable.open(folder.path, { ...DEPENDENCIES, control, ...deps });
  assert(table);
  return table;
}

const shell = (script: string) => ({ command: "sh", args: ["-c", script], env: {} });

function summary(record: ProcessRecord | undefined) {
  if (record === undefined) return undefined;
  const { state, exitCode, signal } = record;
  return { state, exitCode, signal };
}

const ENDINGS: [string, string, ReturnType<typeof summary>][] = [
  ["exits", "exit 7", { state: "exited", exitCode: 7, signal: undefined }],
  ["is killed", "kill -SEGV $$", { state: "killed", exitCode: undefined, signal: "SIGSEGV" }],
];

for (const [what, script, expected] of ENDINGS) {
  Deno.test(`a process that ${what} is recorded so`, async () => {
    await using folder = await temporaryFolder();
    await using table = await openTable(folder);
    const { id } = await table.start(shell(script));
    assertEquals(summary(await table.ended(id)), expected);
    assertEquals(summary(await table.query(id)), expected);
  });
}

Deno.test("a process that is stopped is recorded so, whatever its status", async () => {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder);
  const { id } = await table.start(
    shell("trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done"),
  );
  const output = readOutput((await table.output(id))!);
  await output.next();
  await output.return();
  const [first, second] = await Promise.all([table.stop(id), table.stop(id)]);
  assertEquals(summary(first), { state: "stopped", exitCode: undefined, signal: undefined });
  assertEquals(second, first);
  assertEquals(summary(await table.stop(id)), summary(first));
});

Deno.test("what a process leaves behind is gone when it has ended", async () => {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder);
  const { id } = await table.start(shell("sleep 1000 & echo $!; exit 0"));
  await table.ended(id);
  const { stdout } = await readAll((await table.output(id))!);
  assertEquals(processControl.identify(Number(stdout)), undefined);
});

Deno.test("an id that is unknown, or no id at all, is nobody's", async () => {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder);
  for (const id of ["1", "0", "", "../1", "1/../1", "x", "9".repeat(40)]) {
    assertEquals(await table.query(id), undefined, id);
    assertEquals(await table.stop(id), undefined, id);
    assertEquals(await table.output(id), undefined, id);
  }
});

Deno.test("ids are never given out twice, not after a failed start, a removal or a new opening", async () => {
  await using folder = await temporaryFolder();
  {
    await using table = await openTable(folder);
    assertEquals((await table.start(shell("exit 0"))).id, "1");
    const nowhere = { command: "/nowhere", args: [], env: {} };
    await assertRejects(() => table.start(nowhere), LaunchError);
    assertEquals((await table.start(shell("exit 0"))).id, "3");
    await Promise.all([table.ended("1"), table.ended("3")]);
    await table.store.remove("3");
  }
  await using table = await openTable(folder);
  assertEquals((await table.start(shell("exit 0"))).id, "4");
  const ids = await Array.fromAsync(table.list(), ({ id }) => id);
  assertEquals(ids, ["1", "4"]);
});

Deno.test("records and output of ended processes are there after the table was closed", async () => {
  await using folder = await temporaryFolder();
  let before: ProcessRecord | undefined;
  {
    await using table = await openTable(folder);
    const { id } = await table.start(shell("echo out; echo err >&2; exit 2"));
    before = await table.ended(id);
  }
  await using table = await openTable(folder);
  assertEquals(await table.query("1"), JSON.parse(JSON.stringify(before)));
  assertEquals(before?.outputBytes, 8);
  const { stdout, stderr } = await readAll((await table.output("1"))!);
  assertEquals([stdout, stderr], ["out\n", "err\n"]);
});

Deno.test("closing the table stops what runs, and may be done twice", async () => {
  await using folder = await temporaryFolder();
  const table = await openTable(folder);
  const { identity } = await table.start(shell("exec sleep 1000"));
  await table[Symbol.asyncDispose]();
  await table[Symbol.asyncDispose]();
  assertEquals(processControl.identify(identity!.pid), undefined);
});

Deno.test("a folder is held by one table at a time", async () => {
  await using folder = await temporaryFolder();
  await using _table = await openTable(folder);
  assertEquals(await ProcessTable.open(folder.path, DEPENDENCIES), undefined);
});

Deno.test("after a crash, what still runs is stopped and what does not is lost", async () => {
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
  await using table = await openTable(folder);
  assertEquals(summary(await table.query("1"))?.state, "stopped");
  assertEquals(summary(await table.query("2"))?.state, "lost");
  assertEquals(processControl.identify(Number(first)), undefined);
});

Deno.test("a record that a crash left before the launch, or of an earlier boot, is lost", async () => {
  await using folder = await temporaryFolder();
  const running: ProcessRecord = {
    id: "1",
    command: "x",
    args: [],
    state: "running",
    mark: "m",
    startedAtMs: 0,
    outputBytes: 0,
  };
  {
    using store = (await RecordStore.open(folder.path, { sync: true }))!;
    store.newId();
    store.newId();
    await store.write(running);
    const own = processControl.identify(Deno.pid)!;
    await store.write({ ...running, id: "2", identity: { ...own, bootId: "before" } });
  }
  await using table = await openTable(folder);
  assertEquals(summary(await table.query("1"))?.state, "lost");
  assertEquals(summary(await table.query("2"))?.state, "lost");
});

Deno.test("a record that is broken is nobody's and stands in nobody's way", async () => {
  await using folder = await temporaryFolder();
  for (const [i, text] of ["", "{", "[]", "{}", "null", '{"id":1}'].entries()) {
    await Deno.mkdir(folder.at(String(i + 1)));
    await Deno.writeTextFile(folder.at(`${i + 1}/record.json`), text);
  }
  await using table = await openTable(folder);
  assertEquals(await Array.fromAsync(table.list()), []);
  assertEquals((await table.start(shell("exit 0"))).id, "7");
});

const UNUSABLE: Readonly<Record<string, string>> = {
  "a record that cannot be read": "1/record.json",
  "a last id that cannot be read": "last_id",
};

for (const [what, path] of Object.entries(UNUSABLE)) {
  Deno.test(`a folder with ${what} is not opened, and nobody holds it`, async () => {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.at(path), { recursive: true });
    await assertRejects(
      () => ProcessTable.open(folder.path, DEPENDENCIES),
      Error,
      "Is a directory",
    );
    await Deno.remove(folder.at(path));
    await using _table = await openTable(folder);
  });
}

testWith(
  [NEEDS_ROOT],
  "of an id whose folder for output cannot be made nothing is left",
  async () => {
    await using folder = await temporaryFolder();
    // one inode each for the folder itself, the lock and the id
    await runTool("mount", "-t", "tmpfs", "-o", "nr_inodes=3", "tmpfs", folder.path);
    try {
      using store = (await RecordStore.open(folder.path, { sync: false }))!;
      assertThrows(() => store.newId(), Error, "No space left on device");
      assertEquals(namesIn(folder.path), ["lock"]);
    } finally {
      await runTool("umount", "--lazy", folder.path);
    }
  },
);

const namesIn = (path: string) => Array.from(Deno.readDirSync(path), ({ name }) => name).sort();

Deno.test("of a process that cannot be recorded nothing is left, and its id is passed over", async () => {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder);
  const unwritable = { command: 1n as unknown as string, args: [], mark: "m" };
  await assertRejects(() => table.announce(unwritable), TypeError);
  assertEquals(namesIn(folder.path), ["lock"]);
  assertEquals((await table.start(shell("exit 0"))).id, "2");
});

Deno.test("of a record that cannot be replaced no half is left", async () => {
  await using folder = await temporaryFolder();
  using store = (await RecordStore.open(folder.path, { sync: true }))!;
  const id = store.newId();
  await Deno.mkdir(folder.at(`${id}/record.json`));
  const record = { id, command: "x", args: [], state: "lost", mark: "", startedAtMs: 0 } as const;
  await assertRejects(() => store.write({ ...record, outputBytes: 0 }));
  assertEquals(namesIn(folder.at(id)), ["output", "record.json"]);
});

Deno.test("what a crash left of a process before it had a record is gone at the next opening, and nothing else", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("7/output"), { recursive: true });
  await Deno.writeTextFile(folder.at("7/record.json.tmp"), "{");
  await Deno.mkdir(folder.at("2024/photos"), { recursive: true });
  await using table = await openTable(folder);
  assertEquals(namesIn(folder.path), ["2024", "lock"]);
  assertEquals(namesIn(folder.at("2024")), ["photos"]);
  assertEquals(await table.query("7"), undefined);
});

Deno.test("ends that a full disk would not take are recorded as soon as there is room, at the latest when the table is closed", async () => {
  await using folder = await temporaryFolder();
  {
    await using table = await openTable(folder);
    for (const id of ["1", "2"]) {
      await table.start(shell("exec sleep 1000"));
      // nothing can take the name of a folder
      await Deno.remove(folder.at(`${id}/record.json`));
      await Deno.mkdir(folder.at(`${id}/record.json`));
      await table.stop(id);
    }
    assertEquals(await recordedStates(folder), []);
    assertEquals(summary(await table.query("1"))?.state, "stopped");
    await Deno.remove(folder.at("1/record.json"));
    await table.ended((await table.start(shell("exit 7"))).id);
    assertEquals(await recordedStates(folder), ["1 stopped", "3 exited"]);
    await Deno.remove(folder.at("2/record.json"));
  }
  assertEquals(await recordedStates(folder), ["1 stopped", "2 stopped", "3 exited"]);
});

async function recordedStates(folder: TemporaryFolder): Promise<string[]> {
  const states: string[] = [];
  for (const id of ["1", "2", "3"]) {
    const text = await Deno.readTextFile(folder.at(`${id}/record.json`)).catch(() => undefined);
    if (text !== undefined) states.push(`${id} ${JSON.parse(text).state}`);
  }
  return states;
}

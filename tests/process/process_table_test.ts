// Not on Windows: it starts POSIX programs.
import { assertEquals, assertRejects } from "@std/assert";
import { LaunchError } from "../../src/process/executable.ts";
import { readOutput } from "../../src/process/output/reader.ts";
import type { ProcessRecord } from "../../src/process/records.ts";
import { ProcessTable } from "../../src/process/process_table.ts";
import { copyFolder } from "../support/copy_folder.ts";
import { processControl } from "../support/launched_shell.ts";
import {
  type Ending,
  endingOf,
  namesIn,
  openTable,
  shell,
  TABLE_DEPENDENCIES,
} from "../support/process_tables.ts";
import { readAll } from "../support/recorded.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const LICENSE_ERRORS: [string, string, Ending][] = [
  ["exits", "exit 7", { state: "exited", exitCode: 7, signal: undefined }],
  ["is killed", "kill -SEGV $$", { state: "killed", exitCode: undefined, signal: "SIGSEGV" }],
];

for (const [what, script, expected] of LICENSE_ERRORS) {
  Deno.test(`the record says that a process ${what}`, async () => {
    await using folder = await temporaryFolder();
    await using table = await openTable(folder.path);
    const { id } = await table.start(shell(script));
    assertEquals(endingOf(await table.ended(id)), expected);
    assertEquals(endingOf(await table.query(id)), expected);
  });
}

Deno.test("a stopped process is recorded as stopped, whatever its status", async () => {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder.path);
  const { id } = await table.start(
    shell("trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done"),
  );
  const output = readOutput((await table.output(id))!);
  await output.next();
  await output.return();
  const [first, second] = await Promise.all([table.stop(id), table.stop(id)]);
  assertEquals(endingOf(first), { state: "stopped", exitCode: undefined, signal: undefined });
  assertEquals(second, first);
  assertEquals(endingOf(await table.stop(id)), endingOf(first));
});

Deno.test("the descendants of an ended process are stopped", async () => {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder.path);
  const { id } = await table.start(shell("sleep 1000 & echo $!; exit 0"));
  await table.ended(id);
  const { stdout } = await readAll((await table.output(id))!);
  assertEquals(processControl.identify(Number(stdout)), undefined);
});

Deno.test("an unknown or malformed id finds nothing, even if it is a path to something", async () => {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder.at("table"));
  await table.ended((await table.start(shell("exit 0"))).id);
  await copyFolder(folder.at("table/1"), folder.at("1"));
  const ids = ["2", "0", "01", "", ".", "./1", "../1", "1/../1", "x", "9".repeat(40)];
  for (const id of ids) {
    assertEquals(await table.query(id), undefined, id);
    assertEquals(await table.stop(id), undefined, id);
    assertEquals(await table.ended(id), undefined, id);
    assertEquals(await table.output(id), undefined, id);
  }
});

Deno.test("ids are never reused, even after a failed start, a removal or reopening", async () => {
  await using folder = await temporaryFolder();
  {
    await using table = await openTable(folder.path);
    assertEquals((await table.start(shell("exit 0"))).id, "1");
    const nowhere = { command: "/nowhere", args: [], env: {} };
    await assertRejects(() => table.start(nowhere), LaunchError);
    assertEquals((await table.start(shell("exit 0"))).id, "3");
    await Promise.all([table.ended("1"), table.ended("3")]);
    await table.store.remove("3");
  }
  await using table = await openTable(folder.path);
  assertEquals((await table.start(shell("exit 0"))).id, "4");
  const ids = await Array.fromAsync(table.list(), ({ id }) => id);
  assertEquals(ids, ["1", "4"]);
});

Deno.test("records and output of ended processes remain after the table is closed", async () => {
  await using folder = await temporaryFolder();
  let before: ProcessRecord | undefined;
  {
    await using table = await openTable(folder.path);
    const { id } = await table.start(shell("echo out; echo err >&2; exit 2"));
    before = await table.ended(id);
  }
  await using table = await openTable(folder.path);
  assertEquals(await table.query("1"), JSON.parse(JSON.stringify(before)));
  assertEquals(before?.outputBytes, 8);
  const { stdout, stderr } = await readAll((await table.output("1"))!);
  assertEquals([stdout, stderr], ["out\n", "err\n"]);
});

Deno.test("closing the table stops running processes, and may be done twice", async () => {
  await using folder = await temporaryFolder();
  const table = await openTable(folder.path);
  const { identity } = await table.start(shell("exec sleep 1000"));
  await table[Symbol.asyncDispose]();
  await table[Symbol.asyncDispose]();
  assertEquals(processControl.identify(identity!.pid), undefined);
});

Deno.test("a folder is held by one table at a time", async () => {
  await using folder = await temporaryFolder();
  await using _table = await openTable(folder.path);
  assertEquals(await ProcessTable.open(folder.path, TABLE_DEPENDENCIES), undefined);
});

Deno.test("a process that cannot be recorded leaves nothing behind, and its id is skipped", async () => {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder.path);
  const unwritable = { command: 1n as unknown as string, args: [], launchToken: "m" };
  await assertRejects(() => table.announce(unwritable), TypeError);
  assertEquals(namesIn(folder.path), ["lock"]);
  assertEquals((await table.start(shell("exit 0"))).id, "2");
});

Deno.test("if the system does not list this process, nothing is launched, and nothing is left behind", async () => {
  await using folder = await temporaryFolder();
  const control = { ...processControl, identify: () => undefined };
  await using table = (await ProcessTable.open(folder.path, { ...TABLE_DEPENDENCIES, control }))!;
  await assertRejects(
    () => table.start(shell(`echo launched > ${folder.at("launched")}`)),
    Error,
    "Cannot identify processes: the system does not list this program",
  );
  assertEquals(namesIn(folder.path), ["last_id", "lock"]);
});

Deno.test("ends that a full disk refused are recorded when there is room, at the latest when the table is closed", async () => {
  await using folder = await temporaryFolder();
  {
    await using table = await openTable(folder.path);
    for (const id of ["1", "2"]) {
      await table.start(shell("exec sleep 1000"));
      // nothing can take the name of a folder
      await Deno.remove(folder.at(`${id}/record.json`));
      await Deno.mkdir(folder.at(`${id}/record.json`));
      await table.stop(id);
    }
    assertEquals(await recordedStates(folder), []);
    assertEquals(endingOf(await table.query("1"))?.state, "stopped");
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

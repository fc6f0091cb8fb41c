import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { LogFile, LogFileError } from "../../src/daemon/log_file.ts";
import { assertMode } from "../support/file_mode.ts";
import { mountDisk } from "../support/mounted_disk.ts";
import { NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

interface Options {
  readonly rotateBytes?: number;
  readonly rotateKeep?: number;
  /** Receives the reports; throws if none is expected. */
  readonly faults?: string[];
}

function open(
  folder: TemporaryFolder,
  { rotateBytes = 1000, rotateKeep = 2, faults }: Options = {},
): LogFile {
  const onFault = (message: string) => {
    if (faults === undefined) throw new Error(message);
    faults.push(message);
  };
  return new LogFile({ path: folder.at("x.log"), rotateBytes, rotateKeep, onFault });
}

const read = (folder: TemporaryFolder, name: string) => Deno.readTextFile(folder.at(name));

Deno.test("a log is appended to, a line at a time", async () => {
  await using folder = await temporaryFolder();
  for (const line of ["first", "second\nhas two"]) {
    using log = open(folder);
    log.write(line);
  }
  assertEquals(await read(folder, "x.log"), "first\nsecond\nhas two\n");
  await assertMode(folder.at("x.log"), 0o640);
});

Deno.test("a full log is rotated, and a limited number is kept", async () => {
  await using folder = await temporaryFolder();
  using log = open(folder, { rotateBytes: 10 });
  for (let i = 0; i < 5; i++) log.write(`line ${i}`);
  assertEquals(await read(folder, "x.log"), "line 4\n");
  assertEquals(await read(folder, "x.log.1"), "line 3\n");
  assertEquals(await read(folder, "x.log.2"), "line 2\n");
  const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
  assertEquals(names.sort(), ["x.log", "x.log.1", "x.log.2"]);
});

Deno.test("configure() sets other limits for the same log", async () => {
  await using folder = await temporaryFolder();
  using log = open(folder);
  for (const line of ["one", "two"]) log.write(line);
  log.configure({ rotateBytes: 9, rotateKeep: 1 });
  for (const line of ["three", "four", "five"]) log.write(line);
  assertEquals(await read(folder, "x.log"), "five\n");
  const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
  assertEquals(names.sort(), ["x.log", "x.log.1"]);
});

Deno.test("a line that is longer than a log's limit is still written", async () => {
  await using folder = await temporaryFolder();
  using log = open(folder, { rotateBytes: 4, rotateKeep: 0 });
  log.write("a long line");
  log.write("x");
  assertEquals(await read(folder, "x.log"), "x\n");
});

Deno.test("reopen() begins a new file if the old one was moved away", async () => {
  await using folder = await temporaryFolder();
  using log = open(folder);
  log.write("before");
  await Deno.rename(folder.at("x.log"), folder.at("moved"));
  log.write("still there");
  log.reopen();
  log.write("after");
  assertEquals(await read(folder, "moved"), "before\nstill there\n");
  assertEquals(await read(folder, "x.log"), "after\n");
});

Deno.test("a log that another program moved is not rotated again", async () => {
  await using folder = await temporaryFolder();
  using log = open(folder, { rotateBytes: 10 });
  log.write("12345678");
  await Deno.rename(folder.at("x.log"), folder.at("x.log.1"));
  log.write("87654321");
  assertEquals(await read(folder, "x.log.1"), "12345678\n");
  assertEquals(await read(folder, "x.log"), "87654321\n");
});

for (const rotateKeep of [1, 2]) {
  Deno.test(`a log that cannot be rotated as one of ${rotateKeep} keeps growing, and says so once until it is reopened`, async () => {
    await using folder = await temporaryFolder();
    using log = open(folder, { rotateBytes: 10, rotateKeep });
    const inTheWay = folder.at(`x.log.${rotateKeep}`);
    await Deno.mkdir(inTheWay);
    if (rotateKeep === 2) await Deno.writeTextFile(folder.at("x.log.1"), "older\n");
    for (const line of ["first line", "second", "third"]) log.write(line);
    const [first, why, ...others] = (await read(folder, "x.log")).split("\n");
    assertEquals([first, ...others], ["first line", "second", "third", ""]);
    assert(why!.startsWith("this log cannot be rotated and keeps growing ("), why);
    await Deno.remove(inTheWay);
    log.reopen();
    log.write("fourth");
    assertEquals(await read(folder, "x.log"), "fourth\n");
  });
}

testWith(
  [POSIX],
  "a log that cannot be reopened is reported, and continues when it can",
  async () => {
    await using folder = await temporaryFolder();
    const faults: string[] = [];
    using log = open(folder, { faults });
    await Deno.remove(folder.at("x.log"));
    await Deno.mkdir(folder.at("x.log"));
    log.reopen();
    log.write("lost");
    assertEquals(faults.map((fault) => fault.split(" (")[0]), [
      `log cannot be opened: ${folder.at("x.log")}`,
      `log cannot be written: ${folder.at("x.log")}`,
    ]);
    await Deno.remove(folder.at("x.log"));
    log.write("after");
    assertEquals(await read(folder, "x.log"), "1 lines of this log were lost\nafter\n");
  },
);

testWith(
  [NEEDS_ROOT],
  "a full disk drops lines and is reported once; the log says how many when there is room",
  async () => {
    await using folder = await temporaryFolder();
    await using _disk = await mountDisk(folder.path, "size=64k");
    const faults: string[] = [];
    using log = open(folder, { rotateBytes: 1e6, faults });
    log.write("before");
    await assertRejects(() => Deno.writeFile(folder.at("rest"), new Uint8Array(2 ** 20)));
    for (const line of ["x".repeat(5000), "y".repeat(5000)]) log.write(line);
    assertEquals(faults.map((fault) => fault.split(" (")[0]), [
      `log cannot be written: ${folder.at("x.log")}`,
    ]);
    await Deno.remove(folder.at("rest"));
    log.write("after");
    assertEquals(await read(folder, "x.log"), "before\n2 lines of this log were lost\nafter\n");
  },
);

testWith([POSIX], "a log that cannot be opened at the start is an error of one line", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("x.log"));
  const { message } = assertThrows(() => open(folder), LogFileError);
  assert(message.startsWith(`log file cannot be opened: ${folder.at("x.log")} (`), message);
});

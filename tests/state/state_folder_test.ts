import { assertEquals, assertRejects } from "@std/assert";
import {
  AlreadyRunningError,
  openStateFolder,
  removeDurably,
  StateFolderError,
  writeAtomically,
} from "../../src/state/state_folder.ts";
import { assertMode } from "../support/file_mode.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

Deno.test("a state folder is created 0700 and belongs to one run at a time", async () => {
  await using folder = await temporaryFolder();
  const options = { log: new RecordingLog(), pid: 4711 };
  {
    using _first = await openStateFolder(folder.at("a/b"), options);
    await assertMode(folder.at("a/b"), 0o700);
    const error = await assertRejects(
      () => openStateFolder(folder.at("a/b"), options),
      AlreadyRunningError,
    );
    assertEquals(error.message, "another sentinel is running for this license (pid 4711)");
  }
  using _again = await openStateFolder(folder.at("a/b"), options);
});

Deno.test("a state folder's lock names its holder, also after an earlier one", async () => {
  await using folder = await temporaryFolder();
  const log = new RecordingLog();
  {
    using _before = await openStateFolder(folder.path, { log, pid: 1234567 });
  }
  using _now = await openStateFolder(folder.path, { log, pid: 42 });
  await assertRejects(
    () => openStateFolder(folder.path, { log, pid: 43 }),
    AlreadyRunningError,
    "(pid 42)",
  );
});

testWith(
  [POSIX],
  "a state folder that others may write to is refused, and a warning names one that they may read",
  async () => {
    await using folder = await temporaryFolder();
    const log = new RecordingLog();
    await Deno.chmod(folder.path, 0o777);
    await assertRejects(
      () => openStateFolder(folder.path, { log, pid: 1 }),
      StateFolderError,
      "is writable by others",
    );
    await Deno.chmod(folder.path, 0o755);
    using _open = await openStateFolder(folder.path, { log, pid: 1 });
    assertEquals(log.lines(), [
      `warn state folder is open to others: ${folder.path} (chmod 700 it)`,
    ]);
  },
);

Deno.test("a file where the state folder should be is a clear error", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "");
  const open = () => openStateFolder(folder.at("file"), { log: new RecordingLog(), pid: 1 });
  await assertRejects(open, StateFolderError, `state folder is not a folder: ${folder.at("file")}`);
});

Deno.test("a state folder that the system refuses is a clear error", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "");
  const path = folder.at("file/below");
  const open = () => openStateFolder(path, { log: new RecordingLog(), pid: 1 });
  await assertRejects(open, StateFolderError, `state folder cannot be used: ${path} (`);
});

Deno.test("a state folder whose lock is not a file is a clear error", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("lock"));
  const open = () => openStateFolder(folder.path, { log: new RecordingLog(), pid: 1 });
  await assertRejects(
    open,
    StateFolderError,
    `state folder cannot be used: ${folder.at("lock")}: it is not a file`,
  );
});

const CONTENT = new TextEncoder().encode("new");

Deno.test("writeAtomically() replaces a file, and reuses the file of a killed write", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "old");
  await Deno.writeTextFile(folder.at("file.tmp"), "half of something longer");
  await writeAtomically(folder.at("file"), CONTENT);
  assertEquals(await Deno.readTextFile(folder.at("file")), "new");
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["file"]);
});

Deno.test("writeAtomically() that fails leaves no temporary file behind", async () => {
  await using folder = await temporaryFolder();
  // a file cannot replace a folder
  await Deno.mkdir(folder.at("file/inside"), { recursive: true });
  await assertRejects(() => writeAtomically(folder.at("file"), CONTENT));
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["file"]);
});

Deno.test("removeDurably() accepts a missing file and no other fault", async () => {
  await using folder = await temporaryFolder();
  await removeDurably(folder.at("none"));
  await Deno.mkdir(folder.at("full/inside"), { recursive: true });
  await assertRejects(() => removeDurably(folder.at("full")));
});

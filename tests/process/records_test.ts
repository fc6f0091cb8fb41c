// Not on Windows: it starts POSIX programs.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { RecordStore } from "../../src/process/records.ts";
import { mountDisk } from "../support/mounted_disk.ts";
import { namesIn } from "../support/process_tables.ts";
import { NEEDS_ROOT, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

testWith(
  [NEEDS_ROOT],
  "an id whose output folder cannot be created leaves nothing behind",
  async () => {
    await using folder = await temporaryFolder();
    // one inode each for the folder itself, the lock and the id
    await using _disk = await mountDisk(folder.path, "nr_inodes=3");
    using store = (await RecordStore.open(folder.path, { sync: false }))!;
    assertThrows(() => store.newId(), Error, "No space left on device");
    assertEquals(namesIn(folder.path), ["lock"]);
  },
);

Deno.test("a record that cannot be replaced leaves no temporary file", async () => {
  await using folder = await temporaryFolder();
  using store = (await RecordStore.open(folder.path, { sync: true }))!;
  const id = store.newId();
  await Deno.mkdir(folder.at(`${id}/record.json`));
  const record = { id, command: "x", args: [], state: "lost", mark: "", startedAtMs: 0 } as const;
  await assertRejects(() => store.write({ ...record, outputBytes: 0 }));
  assertEquals(namesIn(folder.at(id)), ["output", "record.json"]);
});

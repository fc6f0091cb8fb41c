import { assertMode } from "../support/file_mode.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createParentDirectories } from "../../src/daemon/runtime_dirs.ts";
import { CreateError } from "../../src/daemon/runtime_dirs.ts";
import { mountDisk } from "../support/mounted_disk.ts";
import { NEEDS_ROOT, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test(
  "concurrent creations of the same folders all succeed, and each folder has one creator",
  async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("a/b/c/daemon.pid");
    const made = await Promise.all(
      Array.from({ length: 20 }, () => createParentDirectories([path])),
    );
    await assertMode(folder.at("a/b/c"), 0o700);
    // the creator of an outer folder may have to retry after that of the inner one
    for (const each of [...made, ...made, ...made]) await each.remove();
    assertEquals(Array.from(Deno.readDirSync(folder.path)), []);
  },
);

Deno.test("existing and non-empty folders stay", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("there"));
  const made = await createParentDirectories([folder.at("there/new/x"), folder.at("full/x")]);
  await Deno.writeTextFile(folder.at("full/x"), "");
  await made.remove();
  assertEquals(Array.from(Deno.readDirSync(folder.at("there"))), []);
  assertEquals(Array.from(Deno.readDirSync(folder.at("full")), ({ name }) => name), ["x"]);
});

testWith(
  [NEEDS_ROOT],
  "if a folder cannot be created, the error names it, and none is left",
  async () => {
    await using folder = await temporaryFolder();
    // one inode each for the folder itself and the first one in it
    await using _disk = await mountDisk(folder.path, "nr_inodes=2");
    const { message } = await assertRejects(
      () => createParentDirectories([folder.at("fits/x"), folder.at("does not/x")]),
      CreateError,
    );
    assertStringIncludes(message, `${folder.at("does not")} cannot be created (No space left on `);
    assertEquals([...Deno.readDirSync(folder.path)], []);
  },
);

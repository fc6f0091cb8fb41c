import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { lstatIfThere, lstatIfThereSync } from "../../src/core/files.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

testWith([POSIX], "a link is looked at, not what it names", async () => {
  await using folder = await temporaryFolder();
  await Deno.symlink("nowhere", folder.at("link"));
  for (const info of [await lstatIfThere(folder.at("link")), lstatIfThereSync(folder.at("link"))]) {
    assertEquals(info?.isSymlink, true);
  }
});

Deno.test("where nothing lies nothing is found", async () => {
  await using folder = await temporaryFolder();
  const none = folder.at("none/below");
  assertEquals([await lstatIfThere(none), lstatIfThereSync(none)], [undefined, undefined]);
});

testWith([POSIX], "a name that no file can have is an error, not nothing", async () => {
  const long = `/${"a".repeat(5000)}`;
  await assertRejects(() => lstatIfThere(long));
  assertThrows(() => lstatIfThereSync(long));
});

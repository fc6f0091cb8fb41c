import { assertEquals } from "@std/assert";
import { openFresh, writeFreshSync } from "../../src/core/files.ts";
import { assertMode } from "../support/file_mode.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const OPTIONS = { mode: 0o600 };

/** Writes a text in either way. */
const WAYS: Record<string, (path: string, text: string) => Promise<void> | void> = {
  "openFresh()": async (path, text) => {
    using file = await openFresh(path, OPTIONS);
    await file.write(new TextEncoder().encode(text));
  },
  "writeFreshSync()": (path, text) => writeFreshSync(path, text, OPTIONS),
};

for (const [name, write] of Object.entries(WAYS)) {
  Deno.test(`${name} makes a file, and another in its place`, async () => {
    await using folder = await temporaryFolder();
    await write(folder.at("a"), "first and long");
    await write(folder.at("a"), "second");
    assertEquals(await Deno.readTextFile(folder.at("a")), "second");
    await assertMode(folder.at("a"), 0o600);
  });

  testWith([POSIX], `${name} removes a link, and leaves alone where it led`, async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.at("precious"), "kept");
    for (const target of ["precious", "none"]) {
      await Deno.symlink(folder.at(target), folder.at(`to-${target}`));
      await write(folder.at(`to-${target}`), "new");
      assertEquals((await Deno.lstat(folder.at(`to-${target}`))).isFile, true);
    }
    assertEquals(await Deno.readTextFile(folder.at("precious")), "kept");
    const names = Array.from(Deno.readDirSync(folder.path), (entry) => entry.name);
    assertEquals(names.sort(), ["precious", "to-none", "to-precious"]);
  });
}

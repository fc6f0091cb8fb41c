import { assertMode } from "../support/file_mode.ts";
import { assertEquals } from "@std/assert";
import { makeFoldersOf } from "../../src/daemon/made_folders.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test(
  "many who make the same folders at once all succeed, and each folder is one's",
  async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("a/b/c/daemon.pid");
    const made = await Promise.all(Array.from({ length: 20 }, () => makeFoldersOf([path])));
    await assertMode(folder.at("a/b/c"), 0o700);
    // whoever made an outer one may have to come again, once the inner one's maker was there
    for (const each of [...made, ...made, ...made]) await each.remove();
    assertEquals(Array.from(Deno.readDirSync(folder.path)), []);
  },
);

Deno.test("folders that were there, and those that something is in, stay", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("there"));
  const made = await makeFoldersOf([folder.at("there/new/x"), folder.at("full/x")]);
  await Deno.writeTextFile(folder.at("full/x"), "");
  await made.remove();
  assertEquals(Array.from(Deno.readDirSync(folder.at("there"))), []);
  assertEquals(Array.from(Deno.readDirSync(folder.at("full")), ({ name }) => name), ["x"]);
});

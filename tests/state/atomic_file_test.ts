import { assertEquals, assertRejects } from "@std/assert";
import { removeDurably, writeAtomically } from "../../src/state/atomic_file.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

const CONTENT = new TextEncoder().encode("new");

Deno.test("writeAtomically() replaces a file, and reuses what a killed write left", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "old");
  await Deno.writeTextFile(folder.at("file.tmp"), "half of something longer");
  await writeAtomically(folder.at("file"), CONTENT);
  assertEquals(await Deno.readTextFile(folder.at("file")), "new");
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["file"]);
});

Deno.test("writeAtomically() that fails leaves no temporary file behind", async () => {
  await using folder = await temporaryFolder();
  // nothing can take the name of a folder
  await Deno.mkdir(folder.at("file/inside"), { recursive: true });
  await assertRejects(() => writeAtomically(folder.at("file"), CONTENT));
  assertEquals(Array.from(Deno.readDirSync(folder.path), ({ name }) => name), ["file"]);
});

Deno.test("removeDurably() bears that there is no file, and nothing else", async () => {
  await using folder = await temporaryFolder();
  await removeDurably(folder.at("none"));
  await Deno.mkdir(folder.at("full/inside"), { recursive: true });
  await assertRejects(() => removeDurably(folder.at("full")));
});

// Not on Windows: it starts POSIX programs.
import { assertEquals } from "@std/assert";
import { findProgram } from "../../src/process/launch.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("findProgram() skips folders and files that are not executable", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("first/tool"), { recursive: true });
  await Deno.mkdir(folder.at("second"));
  await Deno.mkdir(folder.at("third"));
  await Deno.writeTextFile(folder.at("second/tool"), "");
  await Deno.writeTextFile(folder.at("third/tool"), "", { mode: 0o700 });
  const searchPath = ["absent", "first", "second", "third"].map((name) => folder.at(name));
  assertEquals(await findProgram("tool", searchPath.join(":")), folder.at("third/tool"));
});

Deno.test("findProgram() returns a command that is not found unchanged, and the launch reports it", async () => {
  assertEquals(await findProgram("no such tool", "/usr/bin:"), "no such tool");
  assertEquals(await findProgram("no such tool", undefined), "no such tool");
});

Deno.test("findProgram() does not search for a path", async () => {
  assertEquals(await findProgram("./sh", "/bin"), "./sh");
});

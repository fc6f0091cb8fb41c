// Not on Windows: it starts POSIX programs.
import { assertEquals } from "@std/assert";
import { findProgram } from "../../src/process/launch.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("findProgram() passes over folders, and files that cannot be executed", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("first/tool"), { recursive: true });
  await Deno.mkdir(folder.at("second"));
  await Deno.mkdir(folder.at("third"));
  await Deno.writeTextFile(folder.at("second/tool"), "");
  await Deno.writeTextFile(folder.at("third/tool"), "", { mode: 0o700 });
  const searchPath = ["absent", "first", "second", "third"].map((name) => folder.at(name));
  assertEquals(await findProgram("tool", searchPath.join(":")), folder.at("third/tool"));
});

Deno.test("findProgram() leaves a command that is found nowhere to the launch, which says so", async () => {
  assertEquals(await findProgram("no such tool", "/usr/bin:"), "no such tool");
  assertEquals(await findProgram("no such tool", undefined), "no such tool");
});

Deno.test("findProgram() does not look for a command that is a path", async () => {
  assertEquals(await findProgram("./sh", "/bin"), "./sh");
});

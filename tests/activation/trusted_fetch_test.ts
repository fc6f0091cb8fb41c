import { assertEquals, assertRejects } from "@std/assert";
import { CaFileError, openTrustedFetch } from "../../src/activation/trusted_fetch.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

async function refusalOf(path: string): Promise<string> {
  return (await assertRejects(() => openTrustedFetch(path), CaFileError)).message;
}

Deno.test("a CA file that is a folder, or missing, is one clear line", async () => {
  await using folder = await temporaryFolder();
  assertEquals(
    await refusalOf(folder.path),
    `CA file cannot be read: ${folder.path} (is a folder)`,
  );
  assertEquals(
    await refusalOf(folder.at("none")),
    `CA file cannot be read: ${folder.at("none")} (not found)`,
  );
});

testWith(
  [POSIX, needsProgram("mkfifo")],
  "reading a CA file does not wait for a pipe",
  async () => {
    await using folder = await temporaryFolder();
    await runTool("mkfifo", folder.at("pipe"));
    assertEquals(
      await refusalOf(folder.at("pipe")),
      `CA file cannot be read: ${folder.at("pipe")} (is not a regular file)`,
    );
  },
);

import { assertEquals, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { checksumFile } from "../../src/license_server/issue_license_file.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

async function refusalOf(path: string): Promise<string> {
  const error = await assertRejects(() => checksumFile(path), SentinelError);
  assertEquals(error.code, "config.checksum");
  return error.message;
}

Deno.test("checksumFile() is SHA-256 of the whole file, however large", async () => {
  await using folder = await temporaryFolder();
  const bytes = new Uint8Array(700_001).fill(7);
  await Deno.writeFile(folder.at("app"), bytes);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  assertEquals(await checksumFile(folder.at("app")), digest.toHex());
});

Deno.test("checksumFile() refuses a missing file and a folder", async () => {
  await using folder = await temporaryFolder();
  const none = folder.at("none");
  assertEquals(await refusalOf(none), `software cannot be read: ${none} (not found)`);
  assertEquals(await refusalOf(folder.path), `software is not a regular file: ${folder.path}`);
});

testWith(
  [POSIX, needsProgram("mkfifo")],
  "checksumFile() does not wait for a pipe or read an endless device",
  async () => {
    await using folder = await temporaryFolder();
    await runTool("mkfifo", folder.at("pipe"));
    for (const path of [folder.at("pipe"), "/dev/zero"]) {
      assertEquals(await refusalOf(path), `software is not a regular file: ${path}`);
    }
  },
);

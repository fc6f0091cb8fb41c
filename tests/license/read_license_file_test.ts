import { assertEquals, assertRejects } from "@std/assert";
import { LicenseError } from "../../src/license/errors.ts";
import { MAX_LICENSE_BYTES, readLicenseFile } from "../../src/license/license_file.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";

async function refusalOf(path: string): Promise<string> {
  return (await assertRejects(() => readLicenseFile(path), LicenseError)).message;
}

Deno.test("a file of exactly 1 MiB is read, one byte more is refused", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("full"), "a".repeat(MAX_LICENSE_BYTES));
  assertEquals((await readLicenseFile(folder.at("full"))).length, MAX_LICENSE_BYTES);
  await Deno.writeTextFile(folder.at("over"), "a".repeat(MAX_LICENSE_BYTES + 1));
  assertEquals(await refusalOf(folder.at("over")), "license file is larger than 1 MiB");
});

testWith([POSIX], "a path that is not a file is reported as such", async () => {
  await using folder = await temporaryFolder();
  assertEquals(await refusalOf(folder.at("none")), `license file not found: ${folder.at("none")}`);
  assertEquals(
    await refusalOf(folder.path),
    `license file cannot be read: ${folder.path} is a folder`,
  );
});

testWith(
  [POSIX, needsProgram("mkfifo")],
  "reading a license file does not wait for a pipe or a device",
  async () => {
    await using folder = await temporaryFolder();
    await runTool("mkfifo", folder.at("pipe"));
    for (const path of [folder.at("pipe"), "/dev/zero"]) {
      assertEquals(
        await refusalOf(path),
        `license file cannot be read: ${path} is not a regular file`,
      );
    }
  },
);

Deno.test("bytes that are not UTF-8 are not JSON", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeFile(
    folder.at("binary"),
    crypto.getRandomValues(new Uint8Array(4096)).fill(0xff, 0, 8),
  );
  assertEquals(
    await refusalOf(folder.at("binary")),
    "invalid license file: malformed JSON (it is not text in UTF-8 or UTF-16)",
  );
});

import { assertEquals, assertRejects } from "@std/assert";
import { LicenseError } from "../../src/license/errors.ts";
import { MAX_LICENSE_BYTES, readLicense } from "../../src/license/license_file.ts";
import { systemClock } from "../../src/core/clock.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";

async function refusalOf(path: string): Promise<string> {
  return (await assertRejects(() => readLicense({ path }, { clock: systemClock }), LicenseError))
    .message;
}

Deno.test("a file of exactly 1 MiB is read, one byte more is refused", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("full"), "a".repeat(MAX_LICENSE_BYTES));
  assertEquals(
    (await readLicense({ path: folder.at("full") }, { clock: systemClock })).length,
    MAX_LICENSE_BYTES,
  );
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

testWith([POSIX], "a device is no license file", async () => {
  assertEquals(
    await refusalOf("/dev/zero"),
    "license file cannot be read: /dev/zero is not a regular file",
  );
});

testWith(
  [POSIX, needsProgram("mkfifo")],
  "a pipe's writer that does not finish in time is reported",
  async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("pipe");
    await runTool("mkfifo", path);
    const waits: number[] = [];
    const clock = { sleep: (ms: number) => Promise.resolve(void waits.push(ms)) };
    const { message } = await assertRejects(() => readLicense({ path }, { clock }), LicenseError);
    assertEquals(
      message,
      `license file cannot be read: ${path} is a pipe whose writer has not finished after 30 seconds`,
    );
    assertEquals(waits, [30_000]);
    // ends the read that was given up
    await Deno.writeTextFile(path, "");
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

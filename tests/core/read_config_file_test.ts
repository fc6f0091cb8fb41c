import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { readConfigFile } from "../../src/core/files.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const LARGEST = 256 * 1024;
const NAMING = { what: "key file", code: "config.key" };

const UNFIT: [string, (path: string) => Promise<unknown>, string][] = [
  ["is not there", () => Promise.resolve(), "key file not found: "],
  ["is a folder", (path) => Deno.mkdir(path), "key file is a folder: "],
  [
    "is larger than any key",
    (path) => Deno.writeTextFile(path, "a".repeat(LARGEST + 1)),
    "key file is larger than 262144 bytes: ",
  ],
  [
    "is no text",
    (path) => Deno.writeFile(path, Uint8Array.of(0xff)),
    "key file is not text: ",
  ],
];

for (const [what, make, message] of UNFIT) {
  Deno.test(`a file that ${what} is one clear line`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("file");
    await make(path);
    const error = await assertRejects(() => readConfigFile(path, NAMING), SentinelError);
    assertEquals([error.code, error.message], ["config.key", message + path]);
  });
}

testWith([POSIX, needsProgram("mkfifo")], "a pipe is not waited for", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("pipe");
  await runTool("mkfifo", path);
  const error = await assertRejects(() => readConfigFile(path, NAMING), SentinelError);
  assertEquals(error.message, `key file is no regular file: ${path}`);
});

testWith([POSIX], "what else the system says is told with the path", async () => {
  // longer than any name
  const path = `/${"a".repeat(5000)}`;
  const error = await assertRejects(() => readConfigFile(path, NAMING), SentinelError);
  assertStringIncludes(error.message, `key file cannot be read: ${path} (`);
});

Deno.test("a file of the largest size is read whole", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "a".repeat(LARGEST));
  assertEquals((await readConfigFile(folder.at("file"), NAMING)).text.length, LARGEST);
});

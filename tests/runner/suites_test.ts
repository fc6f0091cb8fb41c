import { assertEquals, assertRejects } from "@std/assert";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";
import { suiteFiles } from "./suites.ts";

/** A folder with a test file for each text, by its path in `tests`. */
async function sources(texts: Record<string, string>): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  for (const name of ["core", "integration", "attack"]) {
    await Deno.mkdir(folder.at(`tests/${name}`), { recursive: true });
  }
  for (const [path, text] of Object.entries(texts)) {
    await Deno.writeTextFile(folder.at(`tests/${path}`), text);
  }
  return folder;
}

async function namesOf(folder: TemporaryFolder, suite?: string): Promise<string[]> {
  const files = await suiteFiles(`${folder.path}/`, suite);
  return files.map((path) => path.slice(folder.at("tests").length + 1));
}

Deno.test("a test file is in every suite of its folder unless it says where it is not", async () => {
  await using folder = await sources({
    "core/new_test.ts": "",
    "integration/new_test.ts": "",
    "integration/posix_test.ts": "// Not on Windows: it sends signals.\n",
    "integration/daemon_test.ts": "// Not on Windows: a.\n// Compiled as well: b.\n",
    "integration/service_test.ts": "// On Windows, with the services: it makes one.\n",
    "attack/new_test.ts": "// Compiled as well: a.\n",
    "core/compiled_test.ts": "// Compiled as well: a unit is not.\n",
    "core/helper.ts": "",
  });
  assertEquals(await namesOf(folder, "windows"), [
    ...["attack/new_test.ts", "core/compiled_test.ts", "core/new_test.ts"],
    "integration/new_test.ts",
  ]);
  assertEquals(await namesOf(folder, "windows:service"), ["integration/service_test.ts"]);
  assertEquals(await namesOf(folder, "compiled"), [
    ...["attack/new_test.ts", "integration/daemon_test.ts"],
  ]);
  assertEquals((await namesOf(folder, "bundle")).length, 5);
});

Deno.test("a line without a reason has no effect", async () => {
  await using folder = await sources({ "core/new_test.ts": "// Not on Windows:\n" });
  assertEquals(await namesOf(folder, "windows"), ["core/new_test.ts"]);
});

Deno.test("a suite that does not exist is refused", async () => {
  await using folder = await sources({});
  await assertRejects(() => suiteFiles(folder.path, "windwos"), Error, "unknown suite: windwos");
});

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { BuildError } from "../../src/packaging/run_deno.ts";
import { findErrorLine, runDeno } from "../../src/packaging/run_deno.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const OUTPUTS: [string, string, string][] = [
  [
    "the line of the error",
    "Download x\nerror: Module not found\n    at a.ts:1:1\n",
    "Module not found",
  ],
  ["the first line, where none is of an error", "\n  Killed  \nmore\n", "Killed"],
  ["that there was none", "\n", "no error message"],
];

for (const [what, stderr, line] of OUTPUTS) {
  Deno.test(`of Deno's output is told ${what}`, () => {
    assertEquals(findErrorLine(stderr), line);
  });
}

testWith([POSIX], "a missing Deno is reported as needed", async () => {
  const error = await assertRejects(() => runDeno({ path: "/nowhere/deno" }, []), BuildError);
  assertEquals(
    error.message,
    "programs are built with Deno, which was not found: /nowhere/deno (install it, or name it in BUILD_DENO)",
  );
});

Deno.test("a Deno that cannot be started is reported, with the reason", async () => {
  await using folder = await temporaryFolder();
  const { message } = await assertRejects(() => runDeno({ path: folder.path }, []), BuildError);
  const start = `programs are built with Deno, which cannot be started: ${folder.path}: `;
  assertStringIncludes(message, start);
  assertMatch(message, /\(install it, or name it in BUILD_DENO\)$/);
});

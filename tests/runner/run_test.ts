// Not on Windows: it is about the suites, which are the same there.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type ProgramResult, resultOf } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const REQUIREMENTS = new URL("../support/requirements.ts", import.meta.url);

/** What the runner does with one test file, and arguments of `deno test`. */
async function runOn(
  text: string,
  { args = [], env = {} }: { args?: string[]; env?: Record<string, string> } = {},
): Promise<ProgramResult> {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("some_test.ts"), text);
  const permissions = ["read", "write", "env", "run", "sys"].map((kind) => `--allow-${kind}`);
  return await resultOf(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      ...permissions,
      "tests/runner/run.ts",
      "--no-check",
      ...args,
      folder.path,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
  });
}

Deno.test("the runner ends with what the skipped tests need, and with 0 if none failed", async () => {
  const { code, stdout } = await runOn(`
    import { needsProgram, testWith } from "${REQUIREMENTS}";
    const keyctl = { ...needsProgram("keyctl"), met: false };
    testWith([keyctl], "first", () => {});
    testWith([keyctl, { need: "root", met: false }], "second", () => {});
    Deno.test("third", () => {});
  `);
  assertEquals(code, 0);
  assertMatch(stdout, /^ok \| 1 passed \| 0 failed \| 2 ignored \(.*\)$/m);
  assertStringIncludes(stdout, "first (skipped: needs keyctl (package keyutils)) ... ignored");
  const summary = "what the 2 skipped tests need:\n     2  package keyutils\n     1  root\n";
  assertEquals(stdout.slice(stdout.indexOf("what the")), summary);
});

Deno.test("the runner fails with a failing test, and passes arguments on", async () => {
  const tests = `
    Deno.test("good", () => {});
    Deno.test("bad", () => { throw new Error("it is bad"); });
  `;
  assertEquals((await runOn(tests)).code, 1);
  const { code, stdout } = await runOn(tests, { args: ["--filter", "good"] });
  assertEquals(code, 0);
  assertMatch(stdout, /^ok \| 1 passed \| 0 failed \| 1 filtered out \(.*\)$/m);
});

Deno.test("a test that hangs is named and fails", async () => {
  const { code, stdout } = await runOn(
    `Deno.test("endless", () => new Promise((resolve) => setTimeout(resolve, 1e6)));`,
    { env: { TEST_LIMIT_S: "0.1" } },
  );
  assertEquals(code, 1);
  assertStringIncludes(stdout, "endless ... cancelled");
  assertStringIncludes(stdout, "took longer than 0.1 s");
});

Deno.test("a run that is ended before its report ends the same way, without output", async () => {
  const { code, stdout, stderr } = await runOn(
    `Deno.test("deadly", () => { Deno.kill(Deno.pid, "SIGKILL"); });`,
  );
  assertEquals([code, stdout, stderr], [128 + 9, "", ""]);
});

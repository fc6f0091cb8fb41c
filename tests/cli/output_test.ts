import { assertEquals } from "@std/assert";
import { runProgram } from "../support/program.ts";
import { POSIX, type Requirement, testWith } from "../support/requirements.ts";
import { IS_WINDOWS } from "../support/system.ts";

/** The runtime denies access to the device's metadata; a shell can test for it. */
const FULL: Requirement = {
  need: "/dev/full",
  met: !IS_WINDOWS && new Deno.Command("test", { args: ["-c", "/dev/full"] }).outputSync().success,
};

/** A wrapper that redirects the program's streams and prints its exit status to standard error. */
const inShell = (
  redirection: string,
) => ["sh", "-c", `{ "$@"; echo $? >&2; } ${redirection}`, "sh"];

testWith([POSIX], "a reader that closes early is not an error", async () => {
  const { stderr } = await runProgram(["manual"], { wrapper: inShell("| true") });
  assertEquals(stderr, "0\n");
});

testWith([FULL], "a result that cannot be written is an error in one line", async () => {
  const { stderr } = await runProgram(["manual"], { wrapper: inShell("> /dev/full") });
  const why = "cannot write to standard output: No space left on device (os error 28)";
  assertEquals(stderr, `sentinel: error: ${why}\n2\n`);
});

testWith([FULL], "if an error cannot be printed, the exit status still reports it", async () => {
  const wrapper = ["sh", "-c", 'exec "$@" 2> /dev/full', "sh"];
  assertEquals((await runProgram(["rnu"], { wrapper })).code, 2);
  const license = ["license", "verify", "--org-key", "none", "none.lic"];
  assertEquals((await runProgram(license, { wrapper })).code, 2);
});

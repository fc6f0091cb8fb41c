import { assertEquals, assertRejects } from "@std/assert";
import { BuildError } from "../../src/packaging/run_deno.ts";
import { makeGitRunner, readSourceInfo } from "../../src/packaging/program_modules.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const COMMIT = "ab".repeat(20);

/** Git in a folder whose last commit is a minute after the epoch, with these changes. */
const gitWith = (changes: string) => (args: readonly string[]) =>
  Promise.resolve(args[0] === "show" ? `${COMMIT} 60\n` : changes);

const withEpoch = (seconds: string | undefined) => (name: string) =>
  name === "SOURCE_DATE_EPOCH" ? seconds : undefined;

Deno.test("sources report their commit and its time, and whether they were changed", async () => {
  assertEquals(await readSourceInfo(gitWith(""), withEpoch(undefined)), {
    commit: COMMIT,
    builtAt: "1970-01-01T00:01:00.000Z",
  });
  const { commit } = await readSourceInfo(gitWith(" M main.ts\n"), withEpoch(""));
  assertEquals(commit, `${COMMIT}-dirty`);
});

for (const seconds of ["yesterday", "-1", "1.5", "9".repeat(13), "8640000000001"]) {
  Deno.test(`SOURCE_DATE_EPOCH=${seconds} is refused`, async () => {
    const error = await assertRejects(
      () => readSourceInfo(gitWith(""), withEpoch(seconds)),
      BuildError,
    );
    assertEquals(
      error.message,
      `SOURCE_DATE_EPOCH must be whole seconds: current value is ${seconds}`,
    );
  });
}

testWith(
  [POSIX, needsProgram("git")],
  "sources without Git's history have the given time, or none",
  async () => {
    await using folder = await temporaryFolder();
    const git = makeGitRunner(new URL(`file://${folder.path}/`));
    assertEquals(await readSourceInfo(git, withEpoch("5")), {
      builtAt: "1970-01-01T00:00:05.000Z",
    });
    assertEquals(await readSourceInfo(git, withEpoch(undefined)), {});
  },
);

testWith([POSIX], "if git cannot be started nothing is known", async () => {
  await using folder = await temporaryFolder();
  const git = makeGitRunner(new URL(`file://${folder.at("none")}/`));
  assertEquals(await readSourceInfo(git, withEpoch(undefined)), {});
});

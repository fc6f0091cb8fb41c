// Not on Windows: it is about the sources, which are the same there.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { type ProgramResult, resultOf } from "../support/program.ts";
import { testWith } from "../support/requirements.ts";
import { COMPILER, STANDALONE } from "../support/standalone.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";
import { sourcesMachine } from "../support/workflow_runner/sources_machine.ts";
import { CLONING, runGit } from "../support/workflow_runner/sources_repository.ts";

/** Spaces, letters beyond ASCII of one and of several bytes, and what shells, URLs and patterns give a meaning. */
const NAME = "Größe & Söhne (50% neu) #1 日本";

interface Clone extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  /** Runs a task of the clone, in the clone. */
  runTask(...args: string[]): Promise<ProgramResult>;
}

/** A fresh clone in a folder of that name, with a compiler that needs no runtime, or the real one. */
async function cloneSources({ isReal }: { isReal: boolean }): Promise<Clone> {
  const folder = await temporaryFolder();
  const { settings } = await sourcesMachine(folder, "push");
  const path = folder.at(NAME);
  await runGit("clone", "--quiet", settings.repositories["acme/sentinel"]!, path);
  const env = isReal ? {} : { ...settings.machine, DENORT_BIN: "" };
  return {
    folder,
    runTask: (...args) =>
      resultOf(Deno.execPath(), {
        args: ["task", "--quiet", ...args],
        cwd: path,
        env: { NO_COLOR: "1", ...env },
      }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

testWith(CLONING, "compile and vendor build work in a folder of any name", async () => {
  await using clone = await cloneSources({ isReal: false });
  const { folder, runTask } = clone;
  const keys = `${NAME}/our keys`;
  await makeOrganizationKey(folder.at(keys));
  const compiled = await runTask("compile", "--target", "all");
  assertEquals([compiled.code, compiled.stderr], [0, ""]);
  const [first = ""] = compiled.stdout.split("\n");
  assert(first.startsWith(`${folder.at(NAME)}/dist/sentinel-x86_64-unknown-linux-gnu: `), first);
  const built = await runTask(
    ...["run", "vendor", "build", "--org-key", "our keys/org_public_key.pem"],
    ...["--out", "für Kunden"],
  );
  assertEquals([built.code, built.stderr], [0, ""]);
  const made = Array.from(Deno.readDirSync(folder.at(`${NAME}/für Kunden`)), ({ name }) => name);
  assertEquals(made.sort(), ["SHA256SUMS", STANDALONE]);
});

testWith(
  [...CLONING, COMPILER],
  "a program that was compiled in a folder of any name runs",
  async () => {
    await using clone = await cloneSources({ isReal: true });
    const { folder, runTask } = clone;
    const preload = ["--preload", "tests/fixtures/old_runtime.ts"];
    const compiled = await runTask("compile", ...preload);
    assertEquals(compiled.code, 0, compiled.stderr);
    const program = folder.at(`${NAME}/dist/${STANDALONE}`);
    const { code, stdout } = await resultOf(program, { args: ["--version"] });
    assertEquals(code, 0);
    assertMatch(stdout, /^sentinel \d/);
  },
);

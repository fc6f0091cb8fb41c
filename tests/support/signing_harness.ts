import { fromFileUrl } from "@std/path";
import config from "../../deno.json" with { type: "json" };
import { type ProgramResult, resultOf } from "./program.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";
import { StandInPrograms } from "./workflow_runner/stand_in_programs.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** A folder of programs to be signed, and tools that stand in for those of another system. */
export class SigningHarness implements AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly tools: StandInPrograms;
  readonly #task: "sign:macos" | "sign:windows";

  private constructor(folder: TemporaryFolder, task: "sign:macos" | "sign:windows") {
    this.folder = folder;
    this.tools = new StandInPrograms(folder.at("tools"));
    this.#task = task;
  }

  static async make(
    task: "sign:macos" | "sign:windows",
    names: readonly string[],
  ): Promise<SigningHarness> {
    const folder = await temporaryFolder();
    for (const name of ["tools", "dist", "temp"]) await Deno.mkdir(folder.at(name));
    for (const name of names) await Deno.writeTextFile(folder.at(`dist/${name}`), "");
    return new SigningHarness(folder, task);
  }

  /** Runs the task, with its permissions, on the folder unless other arguments are given. */
  async run(
    env: Readonly<Record<string, string>>,
    args: readonly string[] = [this.folder.at("dist")],
  ): Promise<ProgramResult> {
    const [, ...words] = config.tasks[this.#task].split(" ");
    return await resultOf(Deno.execPath(), {
      args: [...words, ...args],
      cwd: ROOT,
      clearEnv: true,
      env: {
        ...{ PATH: `${this.tools.folder}:/usr/bin:/bin`, NO_COLOR: "1" },
        ...{ HOME: Deno.env.get("HOME") ?? "", TMPDIR: this.folder.at("temp") },
        ...(Deno.env.has("DENO_DIR") && { DENO_DIR: Deno.env.get("DENO_DIR")! }),
        ...env,
      },
    });
  }

  /** What the task left in the temporary folder. */
  leftBehind(): string[] {
    return Array.from(Deno.readDirSync(this.folder.at("temp")), ({ name }) => name);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.folder[Symbol.asyncDispose]();
  }
}

/** Fails if a secret is in what was printed, or in what a tool was called with. */
export function assertSecret(
  secrets: readonly string[],
  { result, harness, tools }: {
    readonly result: ProgramResult;
    readonly harness: SigningHarness;
    readonly tools: readonly string[];
  },
): void {
  const seen = tools.map((
    tool,
  ) => [tool, harness.tools.calls(tool).flat().join("\n") + harness.tools.environment(tool)]);
  for (const [where, text] of [...seen, ["output", result.stdout + result.stderr]]) {
    const found = secrets.find((secret) => text!.includes(secret));
    if (found !== undefined) throw new Error(`${where} has the secret ${found}`);
  }
}

/**
 * `deno task compile [--target T|all]… [--profile customer|vendor|server] [--org-key FILE] [--software-id ID]
 * [--server-url URL] [--software FILE] [--out DIR]`: programs that run by themselves, in `dist` where nothing else is said.
 *
 * `DENO` names the Deno that compiles where it is not the one that runs this, `DENORT_BIN` its runtime where that cannot be
 * downloaded.
 */
import { parseArgs } from "@std/cli/parse-args";
import { standardOutput } from "../src/cli/output.ts";
import { exitCodeOf } from "../src/cli/exit_codes.ts";
import { UsageError } from "../src/cli/usage_error.ts";
import { builtFileLine } from "../src/cli/built_file_line.ts";
import { chosenTargets } from "../src/cli/chosen_targets.ts";
import { describeFault } from "../src/cli/describe_fault.ts";
import { PROFILES } from "../src/core/build_info.ts";
import { buildPrograms } from "../src/vendor/build/build_programs.ts";
import { bundle } from "../src/vendor/build/program_modules.ts";
import { type DenoTool, runDeno } from "../src/vendor/build/run_deno.ts";
import { gitIn, sourceInfo } from "../src/vendor/build/source_info.ts";
import type { Target } from "../src/vendor/build/targets.ts";

const ROOT = new URL("../", import.meta.url);
const OPTIONS = ["profile", "org-key", "software-id", "server-url", "software", "out"] as const;

async function main(): Promise<void> {
  const args = parseArgs(Deno.args, {
    string: [...OPTIONS, "_"],
    collect: ["target"],
    unknown: (argument) => {
      throw new UsageError(`unknown argument: ${argument}`);
    },
  }) as { [name in typeof OPTIONS[number]]?: string } & { target?: string[] };
  const profile = PROFILES.find((name) => name === (args.profile ?? "customer"));
  if (profile === undefined) {
    throw new UsageError(
      `--profile must be one of ${PROFILES.join(", ")}: current value is ${args.profile}`,
    );
  }
  const compiler: DenoTool = { path: Deno.env.get("DENO") || Deno.execPath() };
  const files = await buildPrograms({
    profile,
    targets: chosenTargets(args.target ?? []),
    out: args.out ?? "dist",
    orgKeyPath: args["org-key"],
    softwareId: args["software-id"],
    serverUrl: args["server-url"],
    softwarePath: args.software,
  }, {
    bundler: { path: Deno.execPath() },
    compiler,
    host: Deno.build.target as Target,
    modules: { kind: "sources", root: ROOT },
    info: await sourceInfo(gitIn(ROOT), (name) => Deno.env.get(name)),
    addFirstModule: await isPinned(compiler) ? undefined : addOlderRuntime,
  });
  for (const file of files) standardOutput.result(builtFileLine(file));
}

/** Whether it is the very release that is shipped with. */
async function isPinned(deno: DenoTool): Promise<boolean> {
  const pinned = (await Deno.readTextFile(new URL(".dvmrc", ROOT))).trim();
  const [, version] = /^deno (\S+)/.exec((await runDeno(deno, ["--version"])).stdout) ?? [];
  if (version === pinned) return true;
  standardOutput.note(`made with Deno ${version}, not ${pinned}: to be tried, not to be shipped`);
  return false;
}

async function addOlderRuntime(folder: string): Promise<string> {
  const module = new URL("build/older_runtime.ts", ROOT);
  await bundle(module, { folder, deno: { path: Deno.execPath() }, root: ROOT });
  return "older_runtime.js";
}

try {
  await main();
} catch (error) {
  standardOutput.note(`sentinel: error: ${describeFault(error)}`);
  Deno.exitCode = exitCodeOf(error);
}

/**
 * `deno task compile [--target T|all]… [--profile customer|vendor|server] [--org-key FILE] [--software-id ID]
 * [--server-url URL] [--software FILE] [--out DIR]`: builds standalone programs and their checksums, by default in `dist`.
 * The same inputs give the same bytes; the build time is SOURCE_DATE_EPOCH, else the time of the commit.
 *
 * The Deno that runs this script does the bundling. `BUILD_DENO` names another one for compiling, `DENORT_BIN` its runtime
 * if that cannot be downloaded. `--preload MODULE` runs a module before the program, for tests.
 */
import { parseArgs } from "@std/cli/parse-args";
import { basename, fromFileUrl } from "@std/path";
import { chooseTargets, formatBuiltFile } from "../src/cli/commands/vendor.ts";
import { describeFault, getExitCode } from "../src/cli/exit_codes.ts";
import { standardOutput } from "../src/cli/output.ts";
import { UsageError } from "../src/cli/usage_error.ts";
import { type Profile, PROFILES } from "../src/core/build_info.ts";
import { resolve } from "../src/core/paths.ts";
import { buildPrograms } from "../src/packaging/build_programs.ts";
import { bundle } from "../src/packaging/bundle.ts";
import type { DenoTool } from "../src/packaging/run_deno.ts";
import { makeGitRunner, readPinnedDeno, readSourceInfo } from "../src/packaging/program_modules.ts";
import type { Target } from "../src/packaging/targets.ts";

const ROOT = new URL("..", import.meta.url);
const BUNDLER: DenoTool = { path: Deno.execPath(), cwd: fromFileUrl(ROOT) };
const STRINGS = [
  ...["profile", "org-key", "software-id", "server-url", "software", "out", "preload"] as const,
];

type BuildArguments = { readonly [name in (typeof STRINGS)[number]]?: string } & {
  readonly target: readonly string[];
};

async function main(): Promise<void> {
  const given = parseArgs(Deno.args, {
    string: [...STRINGS, "target", "_"],
    collect: ["target"],
    unknown: (argument) => {
      throw new UsageError(`unexpected argument: ${argument}`);
    },
  }) as unknown as BuildArguments;
  const { preload } = given;
  const files = await buildPrograms({
    profile: chooseProfile(given.profile),
    targets: chooseTargets(given.target),
    out: given.out ?? "dist",
    orgKeyPath: given["org-key"],
    softwareId: given["software-id"],
    serverUrl: given["server-url"],
    softwarePath: given.software,
  }, {
    bundler: BUNDLER,
    compiler: { path: Deno.env.get("BUILD_DENO") || Deno.execPath() },
    hasOwnRuntime: Boolean(Deno.env.get("DENORT_BIN")),
    pinnedDeno: await readPinnedDeno(ROOT),
    note: standardOutput.note,
    host: Deno.build.target as Target,
    modules: { kind: "sources", root: ROOT },
    source: await readSourceInfo(makeGitRunner(ROOT), (name) => Deno.env.get(name)),
    addFirstModule: preload === undefined ? undefined : (folder) => addModule(preload, folder),
  });
  for (const file of files) standardOutput.result(formatBuiltFile(file));
}

function chooseProfile(name = "customer"): Profile {
  const profile = PROFILES.find((profile) => profile === name);
  if (profile !== undefined) return profile;
  throw new UsageError(
    `--profile must be one of ${PROFILES.join(", ")}: current value is ${name}`,
  );
}

async function addModule(path: string, folder: string): Promise<string> {
  await bundle(resolve(path), { folder, deno: BUNDLER });
  return basename(path).replace(/\.ts$/, ".js");
}

try {
  await main();
} catch (error) {
  standardOutput.note(`compile: error: ${describeFault(error)}`);
  Deno.exitCode = getExitCode(error);
}

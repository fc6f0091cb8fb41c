/**
 * `deno task compile [--target T|all]… [--profile customer|vendor|server] [--org-key FILE] [--software-id ID]
 * [--server-url URL] [--software FILE] [--out DIR]`: programs that run by themselves, in `dist` where nothing else is said,
 * with their checksums. Same inputs, same bytes; the time of the build is SOURCE_DATE_EPOCH, else that of the commit.
 *
 * The Deno that runs this bundles. `BUILD_DENO` names another one to compile, `DENORT_BIN` its runtime if that cannot be
 * downloaded. `--preload MODULE` is run before the program, for tests.
 */
import { parseArgs } from "@std/cli/parse-args";
import { basename, fromFileUrl } from "@std/path";
import { builtFileLine } from "../src/cli/commands/vendor.ts";
import { chosenTargets } from "../src/cli/commands/vendor.ts";
import { describeFault } from "../src/cli/exit_codes.ts";
import { exitCodeOf } from "../src/cli/exit_codes.ts";
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

type Given = { readonly [name in (typeof STRINGS)[number]]?: string } & {
  readonly target: readonly string[];
};

async function main(): Promise<void> {
  const given = parseArgs(Deno.args, {
    string: [...STRINGS, "target", "_"],
    collect: ["target"],
    unknown: (argument) => {
      throw new UsageError(`unexpected argument: ${argument}`);
    },
  }) as unknown as Given;
  const { preload } = given;
  const files = await buildPrograms({
    profile: chosenProfile(given.profile),
    targets: chosenTargets(given.target),
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
  for (const file of files) standardOutput.result(builtFileLine(file));
}

function chosenProfile(name = "customer"): Profile {
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
  Deno.exitCode = exitCodeOf(error);
}

import type { Build } from "./core/build.ts";
import { buildPrograms, type BuildRequest } from "./vendor/build/build_programs.ts";
import type { BuiltFile } from "./vendor/build/checksums.ts";
import { ownModules } from "./vendor/build/program_modules.ts";
import { gitIn, sourceInfo } from "./vendor/build/source_info.ts";
import type { Target } from "./vendor/build/targets.ts";

/** Builds programs of what this very program is made of. @throws {BuildError} */
export async function composeBuild(request: BuildRequest, own: Build): Promise<BuiltFile[]> {
  const readVariable = (name: string) => Deno.env.get(name);
  const modules = ownModules();
  const deno = { path: readVariable("BUILD_DENO") || ownDeno() };
  return await buildPrograms(request, {
    bundler: deno,
    compiler: deno,
    hasOwnRuntime: Boolean(readVariable("DENORT_BIN")),
    host: Deno.build.target as Target,
    modules,
    source: modules.kind === "bundle"
      ? ofTheModules(own)
      : await sourceInfo(gitIn(modules.root), readVariable),
  });
}

/** A compiled program has none. */
function ownDeno(): string {
  return Deno.build.standalone ? "deno" : Deno.execPath();
}

/** What stays true of them, whomever they are compiled for. */
function ofTheModules({ commit, builtAt }: Build): Build {
  return {
    ...(commit !== undefined && { commit }),
    ...(builtAt !== undefined && { builtAt }),
  };
}

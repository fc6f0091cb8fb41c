import type { BuildInfo } from "./core/build_info.ts";
import { buildPrograms, type BuildRequest } from "./vendor/build/build_programs.ts";
import type { BuiltFile } from "./vendor/build/checksums.ts";
import { ownModules } from "./vendor/build/program_modules.ts";
import { gitIn, sourceInfo } from "./vendor/build/source_info.ts";
import type { Target } from "./vendor/build/targets.ts";

/** Builds programs of what this very program is made of. @throws {BuildError} */
export async function composeBuild(request: BuildRequest, own: BuildInfo): Promise<BuiltFile[]> {
  const readVariable = (name: string) => Deno.env.get(name);
  const modules = ownModules();
  const deno = { path: readVariable("DENO") || ownDeno() };
  return await buildPrograms(request, {
    bundler: deno,
    compiler: deno,
    host: Deno.build.target as Target,
    modules,
    info: modules.kind === "bundle"
      ? ofTheProgram(own)
      : await sourceInfo(gitIn(modules.root), readVariable),
  });
}

/** A compiled program has no Deno. */
function ownDeno(): string {
  return Deno.build.standalone ? "deno" : Deno.execPath();
}

/** What is true of the modules, whomever they are compiled for. */
function ofTheProgram({ version, commit, builtAt }: BuildInfo): BuildInfo {
  return {
    version,
    ...(commit !== undefined && { commit }),
    ...(builtAt !== undefined && { builtAt }),
  };
}

import { fromFileUrl } from "@std/path";
import { BuildError } from "./build_error.ts";
import { type DenoTool, faultLine, runDeno } from "./run_deno.ts";

/** The entry of a compiled program; all other modules beside it are the same in each build. */
export const ENTRY = "sentinel.js";

/** The module whose `main` the entry calls. */
export const MAIN = "main.js";

/** Where a program's modules are taken from. */
export type ModuleSource =
  /** The folder of the sources, which are bundled. */
  | { readonly kind: "sources"; readonly root: URL }
  /** The folder of a bundle: a compiled program carries it inside. */
  | { readonly kind: "bundle"; readonly folder: URL };

/** What this very program is made of. */
export function ownModules(): ModuleSource {
  return import.meta.url.endsWith(".ts")
    ? { kind: "sources", root: new URL("../../../", import.meta.url) }
    : { kind: "bundle", folder: new URL("./", import.meta.url) };
}

/** Puts the program's modules, all but the entry, into a folder that is there. @throws {BuildError} */
export async function layOutModules(
  source: ModuleSource,
  { folder, deno }: { folder: string; deno: DenoTool },
): Promise<void> {
  if (source.kind === "sources") {
    const root = fromFileUrl(source.root);
    await bundle(`${root}src/cli/main.ts`, { folder, deno: { ...deno, cwd: root } });
    return;
  }
  for await (const { name, isFile } of Deno.readDir(source.folder)) {
    if (!isFile || name === ENTRY || !name.endsWith(".js")) continue;
    await Deno.writeFile(`${folder}/${name}`, await Deno.readFile(new URL(name, source.folder)));
  }
}

/**
 * Bundles a module of the sources (an absolute path) with all that it imports, a file for each part that is loaded by
 * itself. Minified, as comments would hold paths of this machine. Of packages their modules for browsers are taken, as
 * others have the runtime load Node's (docs/decisions/090-standalone.md).
 *
 * @throws {BuildError}
 */
export async function bundle(
  path: string,
  { folder, deno }: { folder: string; deno: DenoTool },
): Promise<void> {
  const { success, stderr } = await runDeno(deno, [
    ...["bundle", "--quiet", "--minify", "--code-splitting", "--platform", "browser"],
    ...["--outdir", folder],
    path,
  ]);
  if (!success) throw new BuildError(`the sources cannot be bundled: ${faultLine(stderr)}`);
}

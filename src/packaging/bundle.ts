import { basename, toFileUrl } from "@std/path";
import { checkDisposals } from "./disposals.ts";
import { makePortable } from "./portable_modules.ts";
import { BuildError, type DenoTool, faultLine, runDeno } from "./run_deno.ts";

/**
 * Bundles a module of the sources (an absolute path) with all that it imports, one file for each part that is loaded by
 * itself. Not minified, which would drop disposals. Of packages their modules for browsers are taken, as others have the
 * runtime load Node's (docs/decisions/090-standalone.md).
 *
 * @param folder Where the modules go; made if it is missing.
 * @throws {BuildError}
 */
export async function bundle(
  path: string,
  { folder, deno }: { folder: string; deno: DenoTool },
): Promise<void> {
  const [sources, modules] = await Promise.all([
    readSources(path, deno),
    bundledModules(path, { folder, deno }),
  ]);
  checkDisposals({ sources, modules: [...modules.values()] });
  const entry = basename(path).replace(/\.ts$/, ".js");
  for (const [name, text] of makePortable(modules, entry)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

/** What the bundler makes, by file name. */
async function bundledModules(
  path: string,
  { folder, deno }: { folder: string; deno: DenoTool },
): Promise<Map<string, string>> {
  await Deno.mkdir(folder, { recursive: true });
  const made = await Deno.makeTempDir({ dir: folder, prefix: ".bundle-" });
  try {
    await run(deno, [
      ...["bundle", "--quiet", "--code-splitting", "--platform", "browser"],
      ...["--outdir", made],
      path,
    ]);
    const names = await Array.fromAsync(Deno.readDir(made), ({ name }) => name);
    return new Map(
      await Promise.all(
        names.map(async (name) => [name, await Deno.readTextFile(`${made}/${name}`)] as const),
      ),
    );
  } finally {
    await Deno.remove(made, { recursive: true });
  }
}

/** The texts of the module and of all that it imports, packages aside. */
async function readSources(path: string, deno: DenoTool): Promise<string[]> {
  // `deno info` takes # and % in a path for parts of a URL
  const graph = JSON.parse(await run(deno, ["info", "--json", toFileUrl(path).href])) as {
    readonly modules: readonly { readonly specifier: string; readonly local?: string }[];
  };
  const own = graph.modules.filter(({ specifier }) => specifier.startsWith("file:"));
  return await Promise.all(own.flatMap(({ local }) => local ? [Deno.readTextFile(local)] : []));
}

async function run(deno: DenoTool, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await runDeno(deno, args);
  if (success) return stdout;
  throw new BuildError(`the sources cannot be bundled: ${faultLine(stderr)}`);
}

import { basename, toFileUrl } from "@std/path";
import { makePortable } from "./portable_modules.ts";
import { BuildError, type DenoTool, findErrorLine, runDeno } from "./run_deno.ts";

/**
 * Bundles a source module (an absolute path) with its imports, one file per dynamically imported part. Does not minify, which
 * drops disposals. Takes packages' browser modules; the others make the runtime load Node's
 * (docs/decisions/090-standalone.md).
 *
 * @param folder Output directory; created if it is missing.
 * @throws {BuildError}
 */
export async function bundle(
  path: string,
  { folder, deno }: { folder: string; deno: DenoTool },
): Promise<void> {
  const [sources, modules] = await Promise.all([
    readSources(path, deno),
    bundleModules(path, { folder, deno }),
  ]);
  checkDisposals({ sources, modules: [...modules.values()] });
  const entry = basename(path).replace(/\.ts$/, ".js");
  for (const [name, text] of makePortable(modules, entry)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
}

/** Runs the bundler; returns its modules by file name. */
async function bundleModules(
  path: string,
  { folder, deno }: { folder: string; deno: DenoTool },
): Promise<Map<string, string>> {
  await Deno.mkdir(folder, { recursive: true });
  const made = await Deno.makeTempDir({ dir: folder, prefix: ".bundle-" });
  try {
    await runBundler(deno, [
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

/** Reads the module and its imports, without packages. */
async function readSources(path: string, deno: DenoTool): Promise<string[]> {
  // `deno info` parses # and % in a path as parts of a URL
  const graph = JSON.parse(await runBundler(deno, ["info", "--json", toFileUrl(path).href])) as {
    readonly modules: readonly { readonly specifier: string; readonly local?: string }[];
  };
  const own = graph.modules.filter(({ specifier }) => specifier.startsWith("file:"));
  return await Promise.all(own.flatMap(({ local }) => local ? [Deno.readTextFile(local)] : []));
}

async function runBundler(deno: DenoTool, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await runDeno(deno, args);
  if (success) return stdout;
  throw new BuildError(`the sources cannot be bundled: ${findErrorLine(stderr)}`);
}

/** A `using` or `await using` declaration, as a statement or in the head of a `for`. */
const DECLARATION =
  /(?<![\w$.])using\s+[\w$]+\s*(?::[^=;]+)?=(?![=>])|\bfor\s*(?:await\s*)?\(\s*(?:await\s+)?using\s+[\w$]+\s+of\b/g;

const COMMENT_LINES = /^\s*(?:\/\/|\/?\*).*$/gm;

function countDisposals(code: string): number {
  return Array.from(code.replaceAll(COMMENT_LINES, "").matchAll(DECLARATION)).length;
}

/**
 * Checks that a bundle keeps the disposals of its sources: a minifier that drops a `using` leaks files and sockets silently.
 *
 * @throws {BuildError} The numbers of declarations differ.
 */
export function checkDisposals(
  { sources, modules }: { sources: readonly string[]; modules: readonly string[] },
): void {
  const count = (texts: readonly string[]) =>
    texts.reduce((sum, text) => sum + countDisposals(text), 0);
  const declared = count(sources), kept = count(modules);
  if (kept === declared) return;
  throw new BuildError(
    `the bundle has ${kept} of the ${declared} using declarations of its sources: resources would stay open`,
  );
}

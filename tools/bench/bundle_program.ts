import { fromFileUrl } from "@std/path";
import { bundle } from "../../src/packaging/bundle.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/**
 * Bundles the program into a folder, as it is compiled; the path of its entry.
 *
 * `deno run` reads at its start whatever an `import()` names, and a compiled program does not: names are put where it does not
 * see them.
 */
export async function bundleProgram(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  await bundle(`${ROOT}main.ts`, { folder, deno: { path: Deno.execPath(), cwd: ROOT } });
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, text.replaceAll(/\bimport\(("\.\/[^"]+")\)/g, "import((0,$1))"));
  }
  return `${folder}/main.js`;
}

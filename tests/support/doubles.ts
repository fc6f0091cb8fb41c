import { basename, fromFileUrl, toFileUrl } from "@std/path";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../..", import.meta.url);

/** Text of a source file, and what takes its place. */
export type Edit = readonly [find: string, put: string];

/**
 * Parts of the program, by their path in the tree, and what stands in for each: a file of `tests/support/doubles`, or edits of
 * the part itself.
 */
export type Doubles = Readonly<Record<string, string | readonly Edit[]>>;

/**
 * The runtime's argument that runs the real program with doubles in place of some of its parts, by an import map: the
 * program has no switch for it. A double imports the part that it stands in for as usual.
 */
export function doublesArgument(doubles: Doubles): string {
  const at = (path: string) => new URL(path, ROOT).href;
  const imports = Object.entries(config.imports).map(([name, target]) =>
    [name, target.startsWith("./") ? at(target) : target] as const
  );
  const replaced = Object.entries(doubles).map(([part, double]) => {
    const source = Deno.readTextFileSync(fromFileUrl(at(part)));
    return typeof double === "string"
      ? [at(part), at(`tests/support/doubles/${double}`)] as const
      : [at(part), writeEdited(at(part), edit(source, double))] as const;
  });
  const map = {
    imports: Object.fromEntries([...imports, ...replaced]),
    scopes: {
      [at("tests/support/doubles/")]: Object.fromEntries(replaced.map(([part]) => [part, part])),
    },
  };
  return `--import-map=data:application/json,${encodeURIComponent(JSON.stringify(map))}`;
}

/** @throws {Error} if the text to find is not there exactly once: a double without effect would let an attack test lie. */
function edit(source: string, edits: readonly Edit[]): string {
  for (const [find, put] of edits) {
    if (source.split(find).length !== 2) throw new Error(`not found once in the part: ${find}`);
    source = source.replace(find, () => put);
  }
  return source;
}

let folder: string | undefined;

/** Writes an edited part to a temporary folder that goes with this process; its imports lead where the part's do. */
function writeEdited(part: string, source: string): string {
  if (folder === undefined) {
    folder = Deno.makeTempDirSync({ prefix: "doubles-" });
    addEventListener("unload", () => Deno.removeSync(folder!, { recursive: true }));
  }
  const absolute = source.replaceAll(
    /((?:from|import)\s*\(?\s*)"(\.{1,2}\/[^"]+)"/g,
    (_, before, path) => `${before}"${new URL(path, part).href}"`,
  );
  const file = `${folder}/${crypto.randomUUID()}-${basename(fromFileUrl(part))}`;
  Deno.writeTextFileSync(file, absolute);
  return toFileUrl(file).href;
}

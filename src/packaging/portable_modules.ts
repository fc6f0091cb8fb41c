/** The line above each module of a bundle: its path, as this machine has it. */
const HEADINGS = /^\/\/ .*\.(?:[cm]?[jt]sx?|json)\n/gm;

/** A CommonJS module of a package goes by its path, which is this machine's up to the registry's folder in the cache. */
const CACHED_NAMES = /^( {2}")[^"\n]*\/npm\/[^/"\n]+\/([^"\n]+"\()/gm;

/** How modules of a bundle refer to each other. */
const REFERENCES = /"\.\/([\w.-]+\.js)"/g;

/**
 * The modules of a bundle (texts by file name) without the paths of this machine, which are in comments, in names of
 * CommonJS modules, and hashed in file names. All but the entry are numbered in the order in which it leads to them.
 */
export function makePortable(
  modules: ReadonlyMap<string, string>,
  entry: string,
): Map<string, string> {
  const stem = entry.replace(/\.js$/, "");
  const names = new Map(
    reachable(modules, entry).map((name, at) => [name, at === 0 ? entry : `${stem}-${at}.js`]),
  );
  return new Map(
    Array.from(names, ([name, portable]) => [
      portable,
      modules.get(name)!
        .replaceAll(HEADINGS, "")
        .replaceAll(CACHED_NAMES, "$1$2")
        .replaceAll(REFERENCES, (reference, name) => {
          const portable = names.get(name);
          return portable === undefined ? reference : `"./${portable}"`;
        }),
    ]),
  );
}

/** The entry's name, followed by those of the modules that it leads to. */
function reachable(modules: ReadonlyMap<string, string>, entry: string): string[] {
  const names = new Set([entry].filter((name) => modules.has(name)));
  for (const name of names) {
    for (const [, next] of modules.get(name)!.matchAll(REFERENCES)) {
      if (modules.has(next!)) names.add(next!);
    }
  }
  return [...names];
}

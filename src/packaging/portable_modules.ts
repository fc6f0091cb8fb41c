/** The comment above each module of a bundle: its path on this machine. */
const HEADINGS = /^\/\/ .*\.(?:[cm]?[jt]sx?|json)\n/gm;

/** The name of a CommonJS module: its path, machine-specific up to the registry's folder in the cache. */
const CACHED_NAMES = /^( {2}")[^"\n]*\/npm\/[^/"\n]+\/([^"\n]+"\()/gm;

/** Imports between modules of a bundle. */
const REFERENCES = /"\.\/([\w.-]+\.js)"/g;

/**
 * Removes this machine's paths from the modules of a bundle (texts by file name): from comments, names of CommonJS modules
 * and, hashed, from file names. All but the entry are numbered in import order.
 */
export function makePortable(
  modules: ReadonlyMap<string, string>,
  entry: string,
): Map<string, string> {
  const stem = entry.replace(/\.js$/, "");
  const names = new Map(
    listReachable(modules, entry).map((name, at) => [name, at === 0 ? entry : `${stem}-${at}.js`]),
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

/** Lists the entry and the modules that it reaches, in import order. */
function listReachable(modules: ReadonlyMap<string, string>, entry: string): string[] {
  const names = new Set([entry].filter((name) => modules.has(name)));
  for (const name of names) {
    for (const [, next] of modules.get(name)!.matchAll(REFERENCES)) {
      if (modules.has(next!)) names.add(next!);
    }
  }
  return [...names];
}

/**
 * Returns a library's functions. Each is opened at its first use, as that costs about half a millisecond (the runtime
 * compiles a stub), and stays open for the life of the process.
 *
 * @param interface_ The symbols, as for `Deno.dlopen`.
 * @param paths Candidate paths of the library; absolute, as the permission check resolves a bare name in the current folder.
 * @throws {Error} At the first use of a function: no path works.
 */
export function openLazily<const S extends Deno.ForeignLibraryInterface>(
  interface_: S,
  paths: readonly string[],
): Deno.DynamicLibrary<S>["symbols"] {
  const lazy = {};
  for (const [name, definition] of Object.entries(interface_)) {
    Object.defineProperty(lazy, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = openSymbol({ [name]: definition }, { name, paths });
        Object.defineProperty(lazy, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return lazy as Deno.DynamicLibrary<S>["symbols"];
}

function openSymbol(
  interface_: Deno.ForeignLibraryInterface,
  { name, paths }: { name: string; paths: readonly string[] },
): unknown {
  for (const path of paths) {
    try {
      return Deno.dlopen(path, interface_).symbols[name];
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  throw new Error(`Cannot load ${name}: tried ${paths.join(", ")}`);
}

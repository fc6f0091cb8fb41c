/**
 * A library's functions, each opened at its first use, as opening one costs about half a millisecond (machine code is made
 * for it), and kept for the life of the process.
 *
 * @param interface_ The symbols as `Deno.dlopen` takes them.
 * @param paths Where the library may be; absolute, as a bare name is looked up in the current folder by the permission check.
 * @throws {Error} at the first use of a function, naming the paths that were tried.
 */
export function lazySymbols<const S extends Deno.ForeignLibraryInterface>(
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
  throw new Error(`Cannot open ${name} of the C library: tried ${paths.join(", ")}`);
}

import { openLazily } from "./lazy_symbols.ts";

/**
 * KUSER_SHARED_DATA.NtSystemRoot (ntddk.h), UTF-16: the system's folder, read-only at a fixed address in every process.
 * Unlike the variable SystemRoot, no user can change it.
 */
const SYSTEM_ROOT_ADDRESS = 0x7FFE_0030n, MAX_CHARACTERS = 260;

/** Returns an accessor of a system library's functions; see {@linkcode openLazily}. */
export function openSystemLibrary<const S extends Deno.ForeignLibraryInterface>(
  name: string,
  interface_: S,
): () => Deno.DynamicLibrary<S>["symbols"] {
  let symbols: Deno.DynamicLibrary<S>["symbols"] | undefined;
  return () => symbols ??= openLazily(interface_, [getSystemFile(name)]);
}

/** Returns the path of a system library or program. */
export function getSystemFile(name: string): string {
  return `${readSystemRoot()}\\System32\\${name}`;
}

function readSystemRoot(): string {
  const address = Deno.UnsafePointer.create(SYSTEM_ROOT_ADDRESS);
  const characters = new Uint16Array(
    new Deno.UnsafePointerView(address!).getArrayBuffer(MAX_CHARACTERS * 2),
  );
  return String.fromCharCode(...characters.subarray(0, characters.indexOf(0)));
}

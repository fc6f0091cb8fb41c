import { lazySymbols } from "./lazy_symbols.ts";

/**
 * KUSER_SHARED_DATA.NtSystemRoot (ntddk.h), as UTF-16: where the system is installed. It is mapped to one address in every
 * process, read-only, and, unlike the variable SystemRoot, nobody can set it.
 */
const SYSTEM_ROOT_ADDRESS = 0x7FFE_0030n, MAX_CHARACTERS = 260;

/** Functions of one of the system's own libraries, opened at their first use. */
export function systemLibrary<const S extends Deno.ForeignLibraryInterface>(
  name: string,
  interface_: S,
): () => Deno.DynamicLibrary<S>["symbols"] {
  let symbols: Deno.DynamicLibrary<S>["symbols"] | undefined;
  return () => symbols ??= lazySymbols(interface_, [systemFile(name)]);
}

/** The path of one of the system's own libraries or programs. */
export function systemFile(name: string): string {
  return `${readSystemRoot()}\\System32\\${name}`;
}

function readSystemRoot(): string {
  const address = Deno.UnsafePointer.create(SYSTEM_ROOT_ADDRESS);
  const characters = new Uint16Array(
    new Deno.UnsafePointerView(address!).getArrayBuffer(MAX_CHARACTERS * 2),
  );
  return String.fromCharCode(...characters.subarray(0, characters.indexOf(0)));
}

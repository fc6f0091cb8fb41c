import type { BuiltFile } from "../vendor/build/checksums.ts";

const MEBIBYTE = 1024 * 1024;

/** A program that was built, as a line: name, size, checksum. */
export function builtFileLine({ name, bytes, sha256 }: BuiltFile): string {
  return `${name}  ${(bytes / MEBIBYTE).toFixed(1)} MiB  sha256 ${sha256}`;
}

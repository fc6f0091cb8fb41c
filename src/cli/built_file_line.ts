import type { BuiltFile } from "../vendor/build/checksums.ts";

const MEBIBYTE = 1024 * 1024;

/** A program that was built, as a line: where it is, its size and its checksum. */
export function builtFileLine({ path, bytes, sha256 }: BuiltFile): string {
  return `${path}: ${(bytes / MEBIBYTE).toFixed(1)} MiB, SHA-256 ${sha256}`;
}

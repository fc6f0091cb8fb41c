/** A file that was made. */
export interface BuiltFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** The file that `sha256sum --check` reads (sha256sum(1)). */
export const CHECKSUMS_FILE = "SHA256SUMS";

/**
 * The lines of a checksum file, by name, with these files among those that it had.
 *
 * @param before What is in the file now; empty where there is none.
 */
export function mergeChecksums(before: string, files: readonly BuiltFile[]): string {
  const sums = new Map(
    before.split("\n").flatMap((line) => {
      const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return sum === undefined || name === undefined ? [] : [[name, sum] as const];
    }),
  );
  for (const { name, sha256 } of files) sums.set(name, sha256);
  const names = [...sums.keys()].sort();
  return names.map((name) => `${sums.get(name)}  ${name}\n`).join("");
}

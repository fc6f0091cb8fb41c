import { describeError, SentinelError } from "../core/errors.ts";
import { sha256OfFile } from "../core/sha256_file.ts";
import type { Platform } from "../platform/contract.ts";

/** The software is not the one that the licence is for (exit status 84). */
export class ChecksumError extends SentinelError {
  constructor(code: "checksum" | "unreadable" | "changed", message: string, cause?: unknown) {
    super(`software.${code}`, message, { cause });
  }
}

/** A file whose checksum was verified, as it was then. */
export interface VerifiedFile {
  readonly path: string;
  /** As {@linkcode Platform.fileVersion} has it. */
  readonly version: string;
}

/**
 * Checks a file's SHA-256; constant memory.
 *
 * @param expected 64 hex digits.
 * @returns Which file it was, to be held against the one that is launched.
 * @throws {ChecksumError} `software.checksum`, `software.unreadable`; `software.changed` where it changed meanwhile.
 */
export async function verifyChecksum(
  path: string,
  expected: string,
  { fileVersion }: Pick<Platform, "fileVersion">,
): Promise<VerifiedFile> {
  const version = fileVersion(path);
  const { sha256, isThere } = await digest(path);
  if (sha256 !== expected.toLowerCase()) {
    throw new ChecksumError(
      "checksum",
      `software checksum mismatch: ${path} (expected ${expected}, is ${sha256})`,
    );
  }
  // what was opened is what stood there before and stands there now
  if (version === undefined || !isThere) throw changed(path);
  requireUnchanged({ path, version }, { fileVersion });
  return { path, version };
}

/**
 * Checks that what is at the path now is the file that was verified.
 *
 * @throws {ChecksumError} `software.changed`.
 */
export function requireUnchanged(
  { path, version }: VerifiedFile,
  { fileVersion }: Pick<Platform, "fileVersion">,
): void {
  if (fileVersion(path) !== version) throw changed(path);
}

/** `isThere`: whether what was read still stands at the path. */
async function digest(path: string): Promise<{ sha256: string; isThere: boolean }> {
  try {
    using file = await Deno.open(path);
    const sha256 = await sha256OfFile(file);
    return { sha256, isThere: (await file.stat()).ino === (await Deno.stat(path)).ino };
  } catch (error) {
    throw new ChecksumError(
      "unreadable",
      `software cannot be read: ${path} (${describeError(error)})`,
      error,
    );
  }
}

function changed(path: string): ChecksumError {
  return new ChecksumError(
    "changed",
    `software changed after its checksum was verified: ${path}`,
  );
}

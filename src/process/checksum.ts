import { describeError, SentinelError } from "../core/errors.ts";

/** The software is not the one that the licence is for (exit status 84). */
export class ChecksumError extends SentinelError {
  constructor(code: "checksum" | "unreadable", message: string, cause?: unknown) {
    super(`software.${code}`, message, { cause });
  }
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * Checks a file's SHA-256; constant memory.
 *
 * @param expected 64 hex digits.
 * @throws {ChecksumError}
 */
export async function verifyChecksum(path: string, expected: string): Promise<void> {
  const actual = await sha256OfFile(path);
  if (actual === expected.toLowerCase()) return;
  throw new ChecksumError(
    "checksum",
    `software checksum mismatch: ${path} (expected ${expected}, is ${actual})`,
  );
}

/** WebCrypto cannot digest piece by piece; `node:crypto` is loaded only where a licence carries a checksum. */
async function sha256OfFile(path: string): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  try {
    using file = await Deno.open(path);
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let count; (count = await file.read(buffer)) !== null;) {
      hash.update(buffer.subarray(0, count));
    }
  } catch (error) {
    throw new ChecksumError(
      "unreadable",
      `software cannot be read: ${path} (${describeError(error)})`,
      error,
    );
  }
  return hash.digest("hex");
}

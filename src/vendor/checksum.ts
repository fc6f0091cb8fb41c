import { createHash } from "node:crypto";
import { describeError, SentinelError } from "../core/errors.ts";

/**
 * SHA-256 of a file as 64 hex digits, read in pieces.
 *
 * @throws {SentinelError} `config.checksum` where the file cannot be read.
 */
export async function checksumFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    using file = await Deno.open(path);
    if (!(await file.stat()).isFile) {
      throw new SentinelError("config.checksum", `software is no regular file: ${path}`);
    }
    const piece = new Uint8Array(256 * 1024);
    for (let count = await file.read(piece); count !== null; count = await file.read(piece)) {
      hash.update(piece.subarray(0, count));
    }
  } catch (error) {
    if (error instanceof SentinelError) throw error;
    const reason = error instanceof Deno.errors.NotFound ? "not found" : describeError(error);
    throw new SentinelError("config.checksum", `software cannot be read: ${path} (${reason})`, {
      cause: error,
    });
  }
  return hash.digest("hex");
}

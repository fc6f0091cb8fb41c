import { describeError, SentinelError } from "../core/errors.ts";
import { sha256OfFile } from "../core/files.ts";

/**
 * SHA-256 of a file as 64 hex digits, read in pieces.
 *
 * @throws {SentinelError} `config.checksum` where the file cannot be read.
 */
export async function checksumFile(path: string): Promise<string> {
  try {
    // a pipe would be waited for
    if ((await Deno.stat(path)).isFile) {
      using file = await Deno.open(path);
      return await sha256OfFile(file);
    }
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "not found" : describeError(error);
    throw new SentinelError("config.checksum", `software cannot be read: ${path} (${reason})`, {
      cause: error,
    });
  }
  throw new SentinelError("config.checksum", `software is no regular file: ${path}`);
}

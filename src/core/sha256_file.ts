/** How much is read and digested at a time: larger pieces were measured to be no faster. */
const CHUNK_BYTES = 256 * 1024;

/**
 * SHA-256 of an open file from where it stands to its end, as 64 hex digits in lower case; constant memory.
 *
 * WebCrypto cannot digest piece by piece. `node:crypto` can, is loaded at the first use only, and was measured as fast as
 * `sha256sum` and as OpenSSL through FFI.
 *
 * @param file Open for reading; stays the caller's.
 */
export async function sha256OfFile(file: Deno.FsFile): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let count; (count = await file.read(chunk)) !== null;) {
    hash.update(chunk.subarray(0, count));
  }
  return hash.digest("hex");
}

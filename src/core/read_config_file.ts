import { describeError, SentinelError } from "./errors.ts";
import { permissionBits } from "./permission_bits.ts";
import { decodeUtf8 } from "./strict_json.ts";

/** Larger than any key or certificate chain. */
const MAX_BYTES = 256 * 1024;

/**
 * The text and the permission bits (null on Windows) of a small file that an option names.
 *
 * @param naming `what` the file is, in the message; `code` of the error.
 * @throws {SentinelError} in one line, with the path.
 */
export async function readConfigFile(
  path: string,
  { what, code }: { what: string; code: string },
): Promise<{ text: string; mode: number | null }> {
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) throw new SentinelError(code, `${what} is a folder: ${path}`);
    if (!info.isFile || info.size > MAX_BYTES) {
      throw new SentinelError(code, `${what} is too large or no regular file: ${path}`);
    }
    const text = decodeUtf8(await Deno.readFile(path));
    if (text === undefined) throw new SentinelError(code, `${what} is not text: ${path}`);
    return { text, mode: permissionBits(info) };
  } catch (error) {
    if (error instanceof SentinelError) throw error;
    if (error instanceof Deno.errors.NotFound) {
      throw new SentinelError(code, `${what} not found: ${path}`, { cause: error });
    }
    const reason = error instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : describeError(error);
    throw new SentinelError(code, `${what} cannot be read: ${path} (${reason})`, { cause: error });
  }
}

import { describeError, SentinelError } from "./errors.ts";
import { permissionBits } from "./permission_bits.ts";
import { decodeUtf8 } from "./strict_json.ts";

/** Larger than any key or certificate chain. */
const MAX_BYTES = 256 * 1024;

/** A file's text, and its permission bits (null on Windows). */
export interface SmallText {
  readonly text: string;
  readonly mode: number | null;
}

/** What is there, but is no small text file; the message is the sentence's end: `is a folder`. */
class UnfitFileError extends Error {}

/**
 * Reads a small text file. What is no regular file is not opened: a pipe would be waited for, a device never ends.
 *
 * @throws {Error} that says what the file is instead, or what the system says.
 */
export async function readSmallText(path: string, maxBytes = MAX_BYTES): Promise<SmallText> {
  const info = await Deno.stat(path);
  if (info.isDirectory) throw new UnfitFileError("is a folder");
  if (!info.isFile) throw new UnfitFileError("is no regular file");
  if (info.size > maxBytes) throw new UnfitFileError(`is larger than ${maxBytes} bytes`);
  const text = decodeUtf8(await Deno.readFile(path));
  if (text === undefined) throw new UnfitFileError("is not text");
  return { text, mode: permissionBits(info) };
}

/**
 * The text and the permission bits of a small file that an option names.
 *
 * @param naming `what` the file is, in the message; `code` of the error.
 * @throws {SentinelError} in one line, with the path.
 */
export async function readConfigFile(
  path: string,
  { what, code }: { what: string; code: string },
): Promise<SmallText> {
  try {
    return await readSmallText(path);
  } catch (cause) {
    throw new SentinelError(code, `${what} ${faultOf(cause, path)}`, { cause });
  }
}

function faultOf(error: unknown, path: string): string {
  if (error instanceof UnfitFileError) return `${error.message}: ${path}`;
  if (error instanceof Deno.errors.NotFound) return `not found: ${path}`;
  const reason = error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : describeError(error);
  return `cannot be read: ${path} (${reason})`;
}

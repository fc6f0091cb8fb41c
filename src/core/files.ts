import type { Logger } from "./log.ts";
import { describeError, SentinelError } from "./errors.ts";
import { decodeUtf8 } from "./strict_json.ts";
import { ifThere, ifThereSync } from "./if_there.ts";
import { writeAll } from "./write_all.ts";

/** Permission bits of group and others. */
const OTHERS = 0o077;

/**
 * Warns of a private key's file that group or others may do anything with.
 *
 * @param file `mode` has its permission bits (null on Windows), `what` names it in the message.
 */
export function warnOfExposedKey(
  { path, mode, what }: { path: string; mode: number | null; what: string },
  log: Logger,
): void {
  if (mode === null || (mode & OTHERS) === 0) return;
  const bits = (mode & 0o777).toString(8).padStart(4, "0");
  log.warn(`${what} can be read by others: ${path} has mode ${bits} (chmod 600 it)`);
}

/**
 * Opens a new file for writing in the place of whatever is there. A link that somebody put there is removed and not
 * followed, so that nothing else of ours is written over.
 *
 * @param options `mode`: permission bits.
 */
export async function openFresh(path: string, { mode }: { mode: number }): Promise<Deno.FsFile> {
  const options = { write: true, createNew: true, mode };
  try {
    return await Deno.open(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  await Deno.remove(path);
  return await Deno.open(path, options);
}

/** Writes a whole file as {@linkcode openFresh} opens it, at once. */
export function writeFreshSync(path: string, text: string, { mode }: { mode: number }): void {
  const options = { createNew: true, mode };
  try {
    return Deno.writeTextFileSync(path, text, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  Deno.removeSync(path);
  Deno.writeTextFileSync(path, text, options);
}

/** The pieces, one behind the other. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** What lies at a path, a link not followed; `undefined` if nothing does. */
export function lstatIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  return ifThere(Deno.lstat(path));
}

/** The same, without waiting. */
export function lstatIfThereSync(path: string): Deno.FileInfo | undefined {
  return ifThereSync(() => Deno.lstatSync(path));
}

/** A text file to be made. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
  /** Permission bits; nobody sees the file with others. */
  readonly mode: number;
}

export type NewFilesOutcome =
  | { readonly kind: "written" }
  /** Nothing was written. */
  | { readonly kind: "exists"; readonly path: string };

/**
 * Makes files none of which may be there yet, not even as a dangling link: all of them or none. They are on disk when it
 * returns.
 *
 * @throws what the system says where one cannot be written; the others are gone then.
 */
export async function writeNewFiles(files: readonly NewFile[]): Promise<NewFilesOutcome> {
  for (const { path } of files) {
    if (await lstatIfThere(path) !== undefined) return { kind: "exists", path };
  }
  await using undo = new AsyncDisposableStack();
  for (const { path, text, mode } of files) {
    using file = await openNew(path, mode);
    if (file === undefined) return { kind: "exists", path };
    undo.defer(() => Deno.remove(path));
    await writeAll(file, new TextEncoder().encode(text));
    await file.sync();
  }
  undo.move();
  return { kind: "written" };
}

async function openNew(path: string, mode: number): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { write: true, createNew: true, mode });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Who may do what with a file, as chmod(1) has it; `null` where the system has no such bits, and the runtime makes some up. */
export function permissionBits({ mode, uid }: Pick<Deno.FileInfo, "mode" | "uid">): number | null {
  return uid === null ? null : mode;
}

/** Larger than any key or certificate chain. */
const MAX_BYTES = 256 * 1024;

/** A file's text, and its permission bits (null on Windows). */
interface SmallText {
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

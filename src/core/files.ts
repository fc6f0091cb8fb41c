import type { Logger } from "./log.ts";
import { describeError, SentinelError } from "./errors.ts";
import { decodeUtf8 } from "./strict_json.ts";

/**
 * The result of an operation on a file or process; `undefined` if that does not exist (ENOENT, ESRCH).
 *
 * @throws Every other error of the operation.
 *
 * @example
 * ```ts
 * const text = await ifExists(Deno.readTextFile(path)) ?? "";
 * ```
 */
export async function ifExists<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Like {@linkcode ifExists}, synchronously. */
export function ifExistsSync<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Describes a path without following a link; `undefined` if it does not exist. */
export function lstatIfExists(path: string): Promise<Deno.FileInfo | undefined> {
  return ifExists(Deno.lstat(path));
}

/** Like {@linkcode lstatIfExists}, synchronously. */
export function lstatIfExistsSync(path: string): Deno.FileInfo | undefined {
  return ifExistsSync(() => Deno.lstatSync(path));
}

/** Permission bits as in chmod(1); `null` on Windows, for which the runtime invents a mode. */
export function getPermissionBits(
  { mode, uid }: Pick<Deno.FileInfo, "mode" | "uid">,
): number | null {
  return uid === null ? null : mode;
}

/** Permission bits of group and others. */
const OTHERS = 0o077;

/**
 * Warns if group or others have any access to a file that only its owner needs: a private key, or the vendor's database.
 *
 * @param file `mode`: its permission bits (null on Windows); `what` names it in the message.
 */
export function warnOfExposedFile(
  { path, mode, what }: { path: string; mode: number | null; what: string },
  log: Logger,
): void {
  if (mode === null || (mode & OTHERS) === 0) return;
  const bits = (mode & 0o777).toString(8).padStart(4, "0");
  log.warn(`${what} can be read by others: ${path} has mode ${bits} (chmod 600 it)`);
}

/** Concatenates byte arrays. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Writes all bytes; a single write(2) may take fewer. */
export async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await to.write(rest));
}

/** Like {@linkcode writeAll}, synchronously. */
export function writeAllSync(
  to: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): void {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(to.writeSync(rest));
}

/**
 * Creates a file for writing and replaces an existing one. A link at the path is removed, not followed, so that it cannot
 * redirect the write to another file of ours.
 *
 * @param options `mode`: permission bits.
 */
async function openFresh(path: string, { mode }: { mode: number }): Promise<Deno.FsFile> {
  const options = { write: true, createNew: true, mode };
  try {
    return await Deno.open(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  await Deno.remove(path);
  return await Deno.open(path, options);
}

/** Writes a whole file, created as by {@linkcode openFresh}, synchronously. */
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

interface ReplaceOptions {
  /** Permission bits of the new file. */
  readonly mode: number;
  /** Moves the temporary file into place (default: rename(2)). */
  readonly rename?: (from: string, to: string) => Promise<void>;
}

/**
 * Replaces a file's content atomically: a reader sees the old content or the new one, even after a power failure.
 *
 * Writes `PATH.tmp`, syncs it and renames it. The name is fixed, so a killed write leaves at most one such file, which the
 * next write replaces; a failed write removes it. Not for concurrent writers.
 */
export async function replaceContent(
  path: string,
  content: Uint8Array,
  { mode, rename = Deno.rename }: ReplaceOptions,
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    {
      using file = await openFresh(temporary, { mode });
      await writeAll(file, content);
      await file.sync();
    }
    await rename(temporary, path);
  } catch (error) {
    // on a full disk it would take up the little space that is left
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** A text file to create. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
  /** Permission bits, from the moment of creation. */
  readonly mode: number;
}

export type NewFilesOutcome =
  | { readonly kind: "written" }
  /** Nothing was written. */
  | { readonly kind: "exists"; readonly path: string };

/**
 * Creates files, all of them or none, and syncs them. None of the paths may exist, not even as a dangling link.
 *
 * @throws The system's error if a file cannot be written; the others are removed.
 */
export async function writeNewFiles(files: readonly NewFile[]): Promise<NewFilesOutcome> {
  for (const { path } of files) {
    if (await lstatIfExists(path) !== undefined) return { kind: "exists", path };
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

/** Reads an open file from its position, at most `maxBytes`, regardless of the size that the file system reports. */
export async function readAtMost(
  file: Pick<Deno.FsFile, "read">,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(maxBytes);
  let length = 0;
  while (length < maxBytes) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

/** Larger than any key or certificate chain. */
const MAX_BYTES = 256 * 1024;

/** A file's content and its permission bits (null on Windows). */
interface SmallFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mode: number | null;
}

interface SmallText extends Omit<SmallFile, "bytes"> {
  readonly text: string;
}

/** The path names something other than a small text file; `message` completes a sentence: `is a folder`. */
export class UnfitFileError extends Error {
  constructor(readonly fault: "not_a_file" | "too_large" | "not_text", message: string) {
    super(message);
  }
}

/**
 * Reads a small file, at most `maxBytes`. Opens regular files only: a pipe would block, a device never ends.
 *
 * @throws {UnfitFileError} `not_a_file` or `too_large`.
 * @throws The system's error if it cannot be read.
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<SmallFile> {
  const info = await Deno.stat(path);
  if (!info.isFile) {
    throw new UnfitFileError(
      "not_a_file",
      `is ${info.isDirectory ? "a folder" : "not a regular file"}`,
    );
  }
  using file = await Deno.open(path);
  const bytes = await readAtMost(file, maxBytes + 1);
  if (bytes.length > maxBytes) {
    throw new UnfitFileError("too_large", `is larger than ${maxBytes} bytes`);
  }
  return { bytes, mode: getPermissionBits(info) };
}

/** Reads a small text file (UTF-8) like {@linkcode readSmallFile}. @throws {UnfitFileError} */
export async function readSmallText(path: string, maxBytes = MAX_BYTES): Promise<SmallText> {
  const { bytes, mode } = await readSmallFile(path, maxBytes);
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new UnfitFileError("not_text", "is not UTF-8 text");
  return { text, mode };
}

/**
 * Reads a small text file that an option names.
 *
 * @param naming `what` names the file in the message; `code` is the error's.
 * @throws {SentinelError} One line that contains the path.
 */
export async function readConfigFile(
  path: string,
  { what, code, maxBytes }: { what: string; code: string; maxBytes?: number },
): Promise<SmallText> {
  try {
    return await readSmallText(path, maxBytes);
  } catch (cause) {
    throw new SentinelError(code, `${what} ${describeFault(cause, path)}`, { cause });
  }
}

function describeFault(error: unknown, path: string): string {
  if (error instanceof UnfitFileError) return `${error.message}: ${path}`;
  if (error instanceof Deno.errors.NotFound) return `not found: ${path}`;
  const reason = error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : describeError(error);
  return `cannot be read: ${path} (${reason})`;
}

/** Bytes to read and digest at a time; larger chunks measured no faster. */
const CHUNK_BYTES = 256 * 1024;

/**
 * SHA-256 of an open file from its position to its end, as 64 lowercase hex digits; constant memory.
 *
 * WebCrypto cannot digest in chunks. `node:crypto` can, is loaded on first use, and measured as fast as `sha256sum` and
 * OpenSSL through FFI.
 *
 * @param file Open for reading; stays the caller's.
 */
export async function hashFile(file: Deno.FsFile): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let count; (count = await file.read(chunk)) !== null;) {
    hash.update(chunk.subarray(0, count));
  }
  return hash.digest("hex");
}

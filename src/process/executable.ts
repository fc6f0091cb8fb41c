import { describeError, SentinelError } from "../core/errors.ts";
import { getPermissionBits, hashFile } from "../core/files.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";

/** The software cannot be launched (exit status 84). */
export class LaunchError extends SentinelError {
  constructor(
    code:
      | "not_found"
      | "not_a_file"
      | "not_executable"
      | "wrong_architecture"
      | "wrong_format"
      | "working_folder"
      | "out_of_processes"
      | "limits"
      | "failed",
    message: string,
    cause?: unknown,
  ) {
    super(`software.${code}`, message, { cause });
  }
}

const ANY_EXECUTE_BIT = 0o111;

/** execve(2) examines the first 256 bytes of a file (BINPRM_BUF_SIZE, <linux/binfmts.h>). */
const HEADER_BYTES = 256;

/** First four bytes of a program: elf(5); Mach-O, 64-bit and universal; of "MZ" only two count. */
const PROGRAM_MAGICS = {
  "ELF": [0x7f45_4c46],
  "Mach-O": [0xcffa_edfe, 0xcafe_babe],
  "PE": [0x4d5a],
} as const satisfies Record<Platform["programFormat"], readonly number[]>;
/** "#!", execve(2). */
const SCRIPT_MAGIC = 0x2321;

/** Values of e_machine (elf(5)) that each architecture runs: its own and its 32-bit predecessor's. */
const MACHINES: Readonly<Record<typeof Deno.build.arch, readonly number[]>> = {
  x86_64: [62, 3],
  aarch64: [183, 40],
};

const UTF8 = new TextDecoder();

/**
 * Checks that a file can be executed, and reports why if not. Without the check, the C library passes a file of unknown
 * format to a shell (execvp(3)).
 *
 * @throws {LaunchError}
 */
export async function checkExecutable(path: string): Promise<void> {
  const info = await explain(path, () => Deno.stat(path));
  if (info === undefined) throw new LaunchError("not_found", `software not found: ${path}`);
  if (!info.isFile) throw new LaunchError("not_a_file", `software is not a file: ${path}`);
  const mode = getPermissionBits(info);
  if (mode !== null && (mode & ANY_EXECUTE_BIT) === 0) {
    throw new LaunchError("not_executable", `software is not executable: ${path} (chmod +x it)`);
  }
  const header = await readHeader(path);
  if (header !== undefined) await checkHeader(path, header);
}

/** `undefined` if the file is not readable; it may still be executable. */
async function readHeader(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    using file = await Deno.open(path);
    const header = new Uint8Array(HEADER_BYTES);
    return header.subarray(0, await file.read(header) ?? 0);
  } catch {
    return undefined;
  }
}

async function checkHeader(path: string, header: Uint8Array<ArrayBuffer>): Promise<void> {
  const { programFormat } = selectPlatform();
  const view = new DataView(header.buffer, 0, header.length);
  const magic = view.byteLength >= 4 ? view.getUint32(0) : 0;
  if (
    (PROGRAM_MAGICS[programFormat] as readonly number[]).includes(
      programFormat === "PE" ? magic >>> 16 : magic,
    )
  ) {
    return programFormat === "ELF" ? checkElf(path, view) : undefined;
  }
  const mayBeScript = programFormat !== "PE";
  if (mayBeScript && view.byteLength >= 2 && view.getUint16(0) === SCRIPT_MAGIC) {
    return await checkInterpreter(path, header);
  }
  const what = mayBeScript
    ? `neither ${ARTICLES[programFormat]} program nor a script that begins with #!`
    : "not a Windows program";
  throw createFormatError(path, what);
}

function createFormatError(path: string, why: string): LaunchError {
  return new LaunchError("wrong_format", `software has no known format: ${path} (${why})`);
}

const ARTICLES = { "ELF": "an ELF", "Mach-O": "a Mach-O", "PE": "a PE" } as const;

/** Length of the ELF header up to and including e_machine. */
const ELF_HEADER_BYTES = 20;

/** Rejects big-endian files (e_ident[EI_DATA] is 2): no supported machine runs them. */
function checkElf(path: string, view: DataView): void {
  if (view.byteLength < ELF_HEADER_BYTES) {
    throw createFormatError(path, "its ELF header is cut off");
  }
  const littleEndian = view.getUint8(5) !== 2;
  const machine = view.getUint16(18, littleEndian);
  if (littleEndian && MACHINES[Deno.build.arch].includes(machine)) return;
  throw new LaunchError(
    "wrong_architecture",
    `software is for another architecture: ${path} (ELF machine ${machine}, this is ${Deno.build.arch})`,
  );
}

async function checkInterpreter(path: string, header: Uint8Array<ArrayBuffer>): Promise<void> {
  const [line = ""] = UTF8.decode(header.subarray(2)).split("\n");
  const interpreter = /^[ \t]*([^ \t\0]+)/.exec(line)?.[1];
  if (interpreter === undefined) throw createFormatError(path, "its #! names no interpreter");
  if (!interpreter.startsWith("/")) return;
  if (await explain(path, () => Deno.stat(interpreter)) !== undefined) return;
  throw new LaunchError(
    "not_found",
    `software not found: ${path} (interpreter ${interpreter} not found)`,
  );
}

async function explain<T>(path: string, look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw new LaunchError(
      "failed",
      `software cannot be launched: ${path} (${describeError(error)})`,
      error,
    );
  }
}

/** The software's checksum does not match the license (exit status 84). */
export class ChecksumError extends SentinelError {
  constructor(code: "checksum" | "unreadable" | "changed", message: string, cause?: unknown) {
    super(`software.${code}`, message, { cause });
  }
}

/** A file whose checksum was verified, with its version at that time. */
export interface VerifiedFile {
  readonly path: string;
  /** From {@linkcode Platform.readFileVersion}. */
  readonly version: string;
}

/**
 * Checks a file's SHA-256; constant memory.
 *
 * @param expected 64 hex digits.
 * @returns The file's version, to compare with at launch ({@linkcode requireUnchanged}).
 * @throws {ChecksumError} `software.checksum`, `software.unreadable`; `software.changed` if it changed meanwhile.
 */
export async function verifyChecksum(
  path: string,
  expected: string,
  { readFileVersion }: Pick<Platform, "readFileVersion">,
): Promise<VerifiedFile> {
  const version = readFileVersion(path);
  const { sha256, isCurrent } = await digest(path);
  if (sha256 !== expected.toLowerCase()) {
    throw new ChecksumError(
      "checksum",
      `software checksum mismatch: ${path} (expected ${expected}, is ${sha256})`,
    );
  }
  // the path must name the digested file both before and after
  if (version === undefined || !isCurrent) throw createChangedError(path);
  requireUnchanged({ path, version }, { readFileVersion });
  return { path, version };
}

/**
 * Checks that the path still names the verified file, unchanged.
 *
 * @throws {ChecksumError} `software.changed`.
 */
export function requireUnchanged(
  { path, version }: VerifiedFile,
  { readFileVersion }: Pick<Platform, "readFileVersion">,
): void {
  if (readFileVersion(path) !== version) throw createChangedError(path);
}

/** `isCurrent`: whether the path still names the file that was read. */
async function digest(path: string): Promise<{ sha256: string; isCurrent: boolean }> {
  try {
    using file = await Deno.open(path);
    const sha256 = await hashFile(file);
    return { sha256, isCurrent: (await file.stat()).ino === (await Deno.stat(path)).ino };
  } catch (error) {
    throw new ChecksumError(
      "unreadable",
      `software cannot be read: ${path} (${describeError(error)})`,
      error,
    );
  }
}

function createChangedError(path: string): ChecksumError {
  return new ChecksumError(
    "changed",
    `software changed after its checksum was verified: ${path}`,
  );
}

import { describeError, SentinelError } from "../core/errors.ts";
import { permissionBits, sha256OfFile } from "../core/files.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";

/** The software is not there or cannot be run (exit status 84). */
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

/** What execve(2) looks at fits into the first 256 bytes (BINPRM_BUF_SIZE, <linux/binfmts.h>). */
const HEADER_BYTES = 256;

/** The first bytes of a program: elf(5); Mach-O of 64 bits, universal; "MZ", of which two count. */
const PROGRAM_MAGICS = {
  "ELF": [0x7f45_4c46],
  "Mach-O": [0xcffa_edfe, 0xcafe_babe],
  "PE": [0x4d5a],
} as const satisfies Record<Platform["programFormat"], readonly number[]>;
/** "#!", execve(2). */
const SCRIPT_MAGIC = 0x2321;

/** e_machine of elf(5): EM_X86_64, EM_AARCH64; and what this machine runs besides. */
const MACHINES: Readonly<Record<typeof Deno.build.arch, readonly number[]>> = {
  x86_64: [62, 3],
  aarch64: [183, 40],
};

const UTF8 = new TextDecoder();

/**
 * Looks whether a file can be executed, so that the reason is told where it cannot. Without that, the C library has a
 * shell read what the kernel does not know (execvp(3)).
 *
 * @throws {LaunchError}
 */
export async function checkExecutable(path: string): Promise<void> {
  const info = await explain(path, () => Deno.stat(path));
  if (info === undefined) throw new LaunchError("not_found", `software not found: ${path}`);
  if (!info.isFile) throw new LaunchError("not_a_file", `software is not a file: ${path}`);
  const mode = permissionBits(info);
  if (mode !== null && (mode & ANY_EXECUTE_BIT) === 0) {
    throw new LaunchError("not_executable", `software is not executable: ${path} (chmod +x it)`);
  }
  const header = await readHeader(path);
  if (header !== undefined) await checkHeader(path, header);
}

/** `undefined` where we may execute it but not read it. */
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
  throw wrongFormat(path, what);
}

function wrongFormat(path: string, why: string): LaunchError {
  return new LaunchError("wrong_format", `software has no known format: ${path} (${why})`);
}

const ARTICLES = { "ELF": "an ELF", "Mach-O": "a Mach-O", "PE": "a PE" } as const;

/** Up to e_machine. */
const ELF_HEADER_BYTES = 20;

/** e_ident[EI_DATA] is 2 where the file is big-endian, which no machine of ours is. */
function checkElf(path: string, view: DataView): void {
  if (view.byteLength < ELF_HEADER_BYTES) throw wrongFormat(path, "its ELF header is cut off");
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
  if (interpreter === undefined) throw wrongFormat(path, "its #! names no interpreter");
  if (!interpreter.startsWith("/")) return;
  if (await explain(path, () => Deno.stat(interpreter)) !== undefined) return;
  throw new LaunchError(
    "not_found",
    `software not found: ${path} (its interpreter ${interpreter} is not there)`,
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

/** The software is not the one that the license is for (exit status 84). */
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

import { describeError } from "../core/errors.ts";
import { LaunchError } from "./launch_error.ts";

const ANY_EXECUTE_BIT = 0o111;

/** What execve(2) looks at fits into the first 256 bytes (BINPRM_BUF_SIZE, <linux/binfmts.h>). */
const HEADER_BYTES = 256;

/** "\x7fELF", elf(5). */
const ELF_MAGIC = 0x7f454c46;
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
  if (info.mode !== null && (info.mode & ANY_EXECUTE_BIT) === 0) {
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
  const view = new DataView(header.buffer, 0, header.length);
  if (view.byteLength >= 20 && view.getUint32(0) === ELF_MAGIC) return checkElf(path, view);
  if (view.byteLength >= 2 && view.getUint16(0) === SCRIPT_MAGIC) {
    return await checkInterpreter(path, header);
  }
  throw new LaunchError(
    "wrong_format",
    `software has no known format: ${path} (neither an ELF program nor a script that begins with #!)`,
  );
}

/** e_ident[EI_DATA] is 2 where the file is big-endian, which no machine of ours is. */
function checkElf(path: string, view: DataView): void {
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
  if (interpreter === undefined || !interpreter.startsWith("/")) return;
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

import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import { systemClock } from "../../core/clock.ts";
import { encodeWide } from "./handles.ts";

/** winbase.h. */
const REPLACE_EXISTING = 0x1, WRITE_THROUGH = 0x8;

/** winnt.h, fileapi.h, memoryapi.h. */
const GENERIC_READ = 0x8000_0000, SHARE_ALL = 7, OPEN_EXISTING = 3, PAGE_READONLY = 2, MAP_READ = 4;
const NO_HANDLE = 0xFFFF_FFFF_FFFF_FFFFn;

/** winnt.h, fileapi.h: in a folder, the right to add files; the flag that opens folders. */
const FILE_ADD_FILE = 0x2, BACKUP_SEMANTICS = 0x0200_0000;

/** Retries, as a reader such as a virus scanner can block the replacement briefly. */
const ATTEMPTS = 20, PAUSE_MS = 25;

/** Replaces a file by MoveFileExW, which returns after the disk write. */
export async function replaceFile(from: string, to: string): Promise<void> {
  const { MoveFileExW } = kernel32();
  for (let attempt = 1;; attempt++) {
    if (MoveFileExW(encodeWide(from), encodeWide(to), REPLACE_EXISTING | WRITE_THROUGH) !== 0) {
      return;
    }
    if (attempt === ATTEMPTS) throw new Error(`Cannot replace ${to}: another process has it open`);
    await systemClock.sleep(PAUSE_MS);
  }
}

/** Whether the access list of a folder lets this process add files, or that of a file lets it write. */
export function isWritable(path: string): boolean {
  const { CreateFileW } = kernel32();
  const opened = CreateFileW(
    ...[encodeWide(path), FILE_ADD_FILE, SHARE_ALL, null] as const,
    ...[OPEN_EXISTING, BACKUP_SEMANTICS, 0n] as const,
  );
  if (opened === NO_HANDLE) return false;
  ntdll().NtClose(opened);
  return true;
}

/** Reads a file through a mapping, which locks do not block (LockFileEx). */
export async function readLocked(path: string): Promise<Uint8Array<ArrayBuffer>> {
  // throws NotFound
  await Deno.lstat(path);
  const { CreateFileW } = kernel32();
  const file = CreateFileW(
    ...[encodeWide(path), GENERIC_READ, SHARE_ALL, null, OPEN_EXISTING, 0, 0n] as const,
  );
  if (file === NO_HANDLE) throw new Error(`Cannot open ${path}`);
  try {
    return readMapped(file, path);
  } finally {
    ntdll().NtClose(file);
  }
}

/** An empty file cannot be mapped. */
function readMapped(file: bigint, path: string): Uint8Array<ArrayBuffer> {
  const { GetFileSizeEx, CreateFileMappingW, MapViewOfFile, UnmapViewOfFile } = kernel32();
  const size = new BigUint64Array(1);
  if (GetFileSizeEx(file, size) !== 0 && size[0] === 0n) return new Uint8Array();
  const mapping = CreateFileMappingW(file, null, PAGE_READONLY, 0, 0, null);
  const address = mapping === 0n ? 0n : MapViewOfFile(mapping, MAP_READ, 0, 0, size[0]!);
  if (mapping !== 0n) ntdll().NtClose(mapping);
  if (address === 0n) throw new Error(`Cannot map ${path}`);
  try {
    const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
    return new Uint8Array(view.getArrayBuffer(Number(size[0]))).slice();
  } finally {
    UnmapViewOfFile(address);
  }
}

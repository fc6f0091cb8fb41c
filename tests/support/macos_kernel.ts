import type { Libsystem } from "../../ffi/libsystem.ts";
import { cStruct } from "./c_struct.ts";

/** A local socket among the descriptors of the program; a file where there is no address. */
export interface KernelSocket {
  /** Of the socket's own inode number, or of a file. */
  readonly inode: number;
  readonly local?: string;
  readonly remote?: string;
  /** The peer; absent if it has exited. */
  readonly peer?: { readonly user: number; readonly pid: number };
  /** Whether the kernel counts the NUL behind a path into the address's length. */
  readonly countsNul?: boolean;
  /** The version of `struct xucred`. */
  readonly credVersion?: number;
}

/** A process; times in microseconds since the Unix epoch. */
export interface KernelProcess {
  readonly parent: number;
  readonly session: number;
  readonly startUs: bigint;
  readonly uniqueId: bigint;
  readonly isZombie?: boolean;
  /** PROC_FLAG_TRACED. */
  readonly isTraced?: boolean;
}

/**
 * Answers the system calls of the macOS platform from tables, in the layouts of Apple's headers (<sys/proc_info.h>,
 * <sys/proc_info_private.h>, <sys/ucred.h>, <sys/un.h>, <sys/stat.h>).
 */
export class MacosKernel {
  readonly sockets = new Map<number, KernelSocket>();
  readonly processes = new Map<number, KernelProcess>();
  readonly limits: [number, bigint[]][] = [];
  readonly traced: number[] = [];
  /** Paths that may be written to, each with its NUL. */
  readonly writable = new Set<string>();
  bootId: string | undefined = "5E6FFEBE-0000-4000-8000-0123456789AB";

  /** The C library with this kernel behind it. */
  readonly lib = {
    getsockopt: (fd: number, level: number, option: number, to: DataView, length: Uint32Array) =>
      this.#socketOption(fd, { level, option, to, length }),
    getsockname: (fd: number, to: Uint8Array, length: Uint32Array) =>
      this.#address(this.sockets.get(fd), "local", { to, length }),
    getpeername: (fd: number, to: Uint8Array, length: Uint32Array) =>
      this.#address(this.sockets.get(fd), "remote", { to, length }),
    fstat: (fd: number, to: DataView) => this.#stat(fd, to),
    getdtablesize: () => 256,
    proc_pidinfo: (pid: number, flavor: number, arg: bigint, to: DataView, size: number) =>
      arg === 0n ? this.#pidInfo(pid, { flavor, to, size }) : -1,
    proc_listallpids: (to: Int32Array | null) => {
      to?.set([...this.processes.keys()]);
      return this.processes.size;
    },
    sysctlbyname: (name: Uint8Array, to: Uint8Array, length: BigUint64Array) => {
      const value = new TextEncoder().encode(this.bootId + "\0");
      const asked = new TextDecoder().decode(name);
      if (this.bootId === undefined || asked !== "kern.bootsessionuuid\0") return -1;
      if (length[0]! < value.length) return -1;
      to.set(value);
      length[0] = BigInt(value.length);
      return 0;
    },
    getsid: (pid: number) => this.processes.get(pid)?.session ?? -1,
    gethostuuid: (to: Uint8Array) => {
      to.set(Uint8Array.from({ length: 16 }, (_, i) => i * 0x11));
      return 0;
    },
    clock_gettime: (clock: number, to: BigInt64Array) => {
      to.set([1234n, 567_000_000n]);
      return clock === 4 ? 0 : -1;
    },
    access: (path: Uint8Array, mode: number) =>
      mode === 2 && this.writable.has(new TextDecoder().decode(path)) ? 0 : -1,
    setrlimit: (resource: number, limit: BigUint64Array) =>
      this.limits.push([resource, [...limit]]),
    ptrace: (request: number) => this.traced.push(request),
  } as unknown as Libsystem;

  #socketOption(
    fd: number,
    { level, option, to, length }: {
      level: number;
      option: number;
      to: DataView;
      length: Uint32Array;
    },
  ): number {
    const socket = this.sockets.get(fd);
    if (level !== 0 || socket?.peer === undefined) return -1;
    const { user, pid } = socket.peer;
    if (option === 1) return answer(xucred(user, socket.credVersion), { to, length });
    if (option === 2) return answer(cStruct([["i32", pid]]), { to, length });
    return -1;
  }

  #address(
    socket: KernelSocket | undefined,
    side: "local" | "remote",
    { to, length }: { to: Uint8Array; length: Uint32Array },
  ): number {
    const path = socket?.[side];
    if (socket === undefined || path === undefined) return -1;
    const bytes = new TextEncoder().encode(path + (socket.countsNul === false ? "" : "\0"));
    to.set([bytes.length + 2, 1, ...bytes]);
    length[0] = bytes.length + 2;
    return 0;
  }

  #stat(fd: number, to: DataView): number {
    const socket = this.sockets.get(fd);
    if (socket === undefined) return -1;
    const isSocket = socket.local !== undefined || socket.remote !== undefined;
    return answer(stat64(isSocket ? 0o140000 : 0o100644, socket.inode), { to });
  }

  #pidInfo(
    pid: number,
    { flavor, to, size }: { flavor: number; to: DataView; size: number },
  ): number {
    const process = this.processes.get(pid);
    // both flavors refuse zombies unless asked for them by `arg`
    if (process === undefined || process.isZombie) return 0;
    const bytes = flavor === 3
      ? bsdInfo(pid, process)
      : flavor === 17
      ? uniqueIdentifierInfo(process)
      : undefined;
    if (bytes === undefined || bytes.length !== size) return 0;
    answer(bytes, { to });
    return size;
  }
}

function answer(
  bytes: Uint8Array,
  { to, length }: { to: DataView; length?: Uint32Array },
): number {
  if (bytes.length > to.byteLength) return -1;
  new Uint8Array(to.buffer, to.byteOffset, to.byteLength).set(bytes);
  if (length !== undefined) length[0] = bytes.length;
  return 0;
}

/** `struct xucred`: u_int cr_version; uid_t cr_uid; short cr_ngroups; gid_t cr_groups[NGROUPS (16)]. */
export function xucred(user: number, version = 0): Uint8Array<ArrayBuffer> {
  return cStruct([["u32", version], ["u32", user], ["i16", 2], ["u32", 20, 16]]);
}

/** `struct stat` with inodes of 64 bits (`__DARWIN_STRUCT_STAT64`). */
export function stat64(mode: number, inode: number): Uint8Array<ArrayBuffer> {
  return cStruct([
    ["i32", -1], // dev_t st_dev: NODEV
    ["u16", mode], // mode_t st_mode
    ["u16", 1], // nlink_t st_nlink
    ["u64", inode], // ino64_t st_ino
    ["u32", 501], // uid_t st_uid
    ["u32", 20], // gid_t st_gid
    ["i32", 0], // dev_t st_rdev
    ["i64", 1, 8], // struct timespec st_atimespec, st_mtimespec, st_ctimespec, st_birthtimespec
    ["i64", 0], // off_t st_size
    ["i64", 0], // blkcnt_t st_blocks
    ["i32", 8192], // blksize_t st_blksize
    ["u32", 0], // __uint32_t st_flags
    ["u32", 0], // __uint32_t st_gen
    ["i32", 0], // __int32_t st_lspare
    ["i64", 0, 2], // __int64_t st_qspare[2]
  ]);
}

/** `struct proc_bsdinfo`. */
export function bsdInfo(
  pid: number,
  { parent, startUs, isZombie = false, isTraced = false }: KernelProcess,
): Uint8Array<ArrayBuffer> {
  return cStruct([
    ["u32", 0x4004 | (isTraced ? 2 : 0)], // pbi_flags
    ["u32", isZombie ? 5 : 2], // pbi_status: SZOMB, SRUN
    ["u32", 0], // pbi_xstatus
    ["u32", pid], // pbi_pid
    ["u32", parent], // pbi_ppid
    ["u32", 501], // pbi_uid
    ["u32", 20], // pbi_gid
    ["u32", 501], // pbi_ruid
    ["u32", 20], // pbi_rgid
    ["u32", 501], // pbi_svuid
    ["u32", 20], // pbi_svgid
    ["u32", 0], // rfu_1
    ["char", "server", 16], // pbi_comm[MAXCOMLEN]
    ["char", "server", 32], // pbi_name[2 * MAXCOMLEN]
    ["u32", 12], // pbi_nfiles
    ["u32", pid], // pbi_pgid
    ["u32", 1], // pbi_pjobc
    ["u32", 0x1000_0001], // e_tdev
    ["u32", pid], // e_tpgid
    ["i32", 0], // pbi_nice
    ["u64", startUs / 1_000_000n], // pbi_start_tvsec
    ["u64", startUs % 1_000_000n], // pbi_start_tvusec
  ]);
}

/** `struct proc_uniqidentifierinfo`. */
export function uniqueIdentifierInfo({ uniqueId }: KernelProcess): Uint8Array<ArrayBuffer> {
  return cStruct([
    ["u8", 7, 16], // p_uuid[16]
    ["u64", uniqueId], // p_uniqueid
    ["u64", 1n], // p_puniqueid
    ["i32", 99], // p_idversion
    ["i32", 98], // p_orig_ppidversion
    ["u64", 0n], // p_reserve2
    ["u64", 0n], // p_reserve3
  ]);
}

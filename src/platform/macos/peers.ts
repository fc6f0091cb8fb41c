import type { Libsystem } from "../../../ffi/libsystem.ts";
import type { AcceptedPeers, PeerCredentials, PinnedPeer } from "../local_socket.ts";
import { readUniqueId } from "./process_control.ts";
import { MAX_DESCRIPTORS, NewSocketFinder } from "../unix/new_socket.ts";

/** <sys/un.h>, <sys/ucred.h>, <sys/socket.h>, <sys/stat.h>. */
const SOL_LOCAL = 0, LOCAL_PEERCRED = 1, LOCAL_PEERPID = 2, XUCRED_VERSION = 0;
const AF_UNIX = 1, S_IFMT = 0o170000, S_IFSOCK = 0o140000;

/** `sizeof(struct xucred)`, `sizeof(struct stat)` with 64-bit inodes, and room for a `struct sockaddr_un`. */
const XUCRED_BYTES = 76, STAT_BYTES = 144, SOCKADDR_BYTES = 106;

/** Offset of `sun_path`, after u8 `sun_len` and u8 `sun_family`. */
const PATH_AT = 2;

const UTF8 = new TextEncoder();

/** Identifies the peers of a listener; `lib` is the C library or a fake. */
export function trackPeers(lib: Libsystem, path: string): AcceptedPeers {
  return new MacosAcceptedPeers(lib, path);
}

class MacosAcceptedPeers implements AcceptedPeers {
  readonly #lib: Libsystem;
  readonly #sockets: NewSocketFinder;

  constructor(lib: Libsystem, path: string) {
    this.#lib = lib;
    const address = UTF8.encode(path);
    this.#sockets = new NewSocketFinder({
      readCookie: (fd) => readCookie(lib, fd),
      isAccepted: (fd) => hasAddress(address, (to, length) => lib.getsockname(fd, to, length)),
    });
    // the first match is the listener itself
    this.#sockets.find();
  }

  identify(): PeerCredentials | undefined {
    const fd = this.#sockets.find();
    return fd === undefined ? undefined : readCredentials(this.#lib, fd);
  }

  /** Reads the peer's unique id, as there are no pidfds, and verifies afterwards that the peer is unchanged. */
  pin(): PinnedPeer | undefined {
    const lib = this.#lib;
    const fd = this.#sockets.last;
    const pid = fd === undefined ? undefined : readPeerPid(lib, fd);
    const uniqueId = pid === undefined ? undefined : readUniqueId(lib, pid);
    if (pid === undefined || uniqueId === undefined || readPeerPid(lib, fd!) !== pid) {
      return undefined;
    }
    return {
      isAlive: () => readUniqueId(lib, pid) === uniqueId,
      [Symbol.dispose]: () => {},
    };
  }
}

/** Returns the server's credentials for each connection of this process to `path`, as on Linux. */
export function listServers(lib: Libsystem, path: string): PeerCredentials[] {
  const address = UTF8.encode(path);
  const limit = Math.min(lib.getdtablesize(), MAX_DESCRIPTORS);
  const peers: PeerCredentials[] = [];
  for (let fd = 0; fd < limit; fd++) {
    if (!hasAddress(address, (to, length) => lib.getpeername(fd, to, length))) continue;
    const peer = readCredentials(lib, fd);
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
}

/**
 * Reads the inode number of a local socket. The kernel assigns it from a counter at the first request and keeps it for the
 * socket's lifetime (XNU bsd/kern/uipc_usrreq.c, `uipc_sense`); sockets of other families have 0. `struct stat`
 * (<sys/stat.h>): u16 `st_mode` at 4, u64 `st_ino` at 8.
 */
function readCookie(lib: Libsystem, fd: number): number | undefined {
  const stat = new DataView(new ArrayBuffer(STAT_BYTES));
  if (lib.fstat(fd, stat) !== 0) return undefined;
  if ((stat.getUint16(4, true) & S_IFMT) !== S_IFSOCK) return undefined;
  return Number(stat.getBigUint64(8, true)) || undefined;
}

/**
 * Reads the peer credentials: the user at connect(2) or listen(2), and the process that used the socket last; unix(4).
 * `undefined` if the peer has closed the socket.
 *
 * `struct xucred` (<sys/ucred.h>): u32 `cr_version`, u32 `cr_uid`, then groups.
 */
function readCredentials(lib: Libsystem, fd: number): PeerCredentials | undefined {
  const cred = readOption(lib, { fd, option: LOCAL_PEERCRED, bytes: XUCRED_BYTES });
  const pid = readPeerPid(lib, fd);
  if (cred?.getUint32(0, true) !== XUCRED_VERSION || pid === undefined) return undefined;
  return { user: String(cred.getUint32(4, true)), pid };
}

function readPeerPid(lib: Libsystem, fd: number): number | undefined {
  return readOption(lib, { fd, option: LOCAL_PEERPID, bytes: 4 })?.getInt32(0, true);
}

/** Reads an option of a local socket; `undefined` unless it has its full length. */
function readOption(
  lib: Libsystem,
  { fd, option, bytes }: { fd: number; option: number; bytes: number },
): DataView | undefined {
  const value = new DataView(new ArrayBuffer(bytes));
  const length = new Uint32Array([bytes]);
  const status = lib.getsockopt(fd, SOL_LOCAL, option, value, length);
  return status === 0 && length[0] === bytes ? value : undefined;
}

/** Tells whether `ask` writes this path; the kernel's length may or may not include a final NUL. */
function hasAddress(
  address: Uint8Array,
  ask: (to: Uint8Array<ArrayBuffer>, length: Uint32Array<ArrayBuffer>) => number,
): boolean {
  const bytes = new Uint8Array(SOCKADDR_BYTES);
  const length = new Uint32Array([SOCKADDR_BYTES]);
  if (ask(bytes, length) !== 0 || bytes[1] !== AF_UNIX) return false;
  const path = bytes.subarray(PATH_AT, Math.min(length[0]!, SOCKADDR_BYTES));
  const end = path.indexOf(0);
  const size = end === -1 ? path.length : end;
  return size === address.length && address.every((byte, i) => byte === path[i]);
}

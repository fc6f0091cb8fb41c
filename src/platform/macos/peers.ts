import type { Libsystem } from "../../../ffi/libsystem.ts";
import type { AcceptedPeers, PeerCredentials, PinnedPeer } from "../local_socket.ts";
import { uniqueIdOf } from "./process_control.ts";
import { MOST_DESCRIPTORS, NewSocketFinder } from "../unix/new_socket.ts";

/** <sys/un.h>, <sys/ucred.h>, <sys/socket.h>, <sys/stat.h>. */
const SOL_LOCAL = 0, LOCAL_PEERCRED = 1, LOCAL_PEERPID = 2, XUCRED_VERSION = 0;
const AF_UNIX = 1, S_IFMT = 0o170000, S_IFSOCK = 0o140000;

/** `sizeof(struct xucred)`, `sizeof(struct stat)` with inodes of 64 bits, and room for a `struct sockaddr_un`. */
const XUCRED_BYTES = 76, STAT_BYTES = 144, SOCKADDR_BYTES = 106;

/** Where `sun_path` begins: u8 `sun_len`, u8 `sun_family`. */
const PATH_AT = 2;

const UTF8 = new TextEncoder();

/** The peers of a listener's connections; `lib` is the C library or what stands in for it. */
export function acceptedPeers(lib: Libsystem, path: string): AcceptedPeers {
  return new MacosAcceptedPeers(lib, path);
}

class MacosAcceptedPeers implements AcceptedPeers {
  readonly #lib: Libsystem;
  readonly #sockets: NewSocketFinder;

  constructor(lib: Libsystem, path: string) {
    this.#lib = lib;
    const address = UTF8.encode(path);
    this.#sockets = new NewSocketFinder({
      cookieOf: (fd) => cookieOf(lib, fd),
      isOurs: (fd) => bearsAddress(address, (to, length) => lib.getsockname(fd, to, length)),
    });
    // the listener itself is the first to bear the address
    this.#sockets.find();
  }

  identify(): PeerCredentials | undefined {
    const fd = this.#sockets.find();
    return fd === undefined ? undefined : credentialsOf(this.#lib, fd);
  }

  /**
   * The kernel has no handle on a peer as Linux has; so its unique id is taken, and that it still is the peer is asked
   * afterwards.
   */
  pin(): PinnedPeer | undefined {
    const lib = this.#lib;
    const fd = this.#sockets.last;
    const pid = fd === undefined ? undefined : peerPid(lib, fd);
    const uniqueId = pid === undefined ? undefined : uniqueIdOf(lib, pid);
    if (pid === undefined || uniqueId === undefined || peerPid(lib, fd!) !== pid) return undefined;
    return {
      isAlive: () => uniqueIdOf(lib, pid) === uniqueId,
      [Symbol.dispose]: () => {},
    };
  }
}

/** Who serves the connections of this process to the address `path`; all of them, as for Linux. */
export function serversAt(lib: Libsystem, path: string): PeerCredentials[] {
  const address = UTF8.encode(path);
  const limit = Math.min(lib.getdtablesize(), MOST_DESCRIPTORS);
  const peers: PeerCredentials[] = [];
  for (let fd = 0; fd < limit; fd++) {
    if (!bearsAddress(address, (to, length) => lib.getpeername(fd, to, length))) continue;
    const peer = credentialsOf(lib, fd);
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
}

/**
 * The inode number that the kernel makes up for a local socket, counting upwards, when it is first asked (XNU
 * bsd/kern/uipc_usrreq.c, `uipc_sense`): the same for as long as the socket is there, and no other's of this process.
 * Sockets of other families have 0. `struct stat` (<sys/stat.h>): u16 `st_mode` at 4, u64 `st_ino` at 8.
 */
function cookieOf(lib: Libsystem, fd: number): number | undefined {
  const stat = new DataView(new ArrayBuffer(STAT_BYTES));
  if (lib.fstat(fd, stat) !== 0) return undefined;
  if ((stat.getUint16(4, true) & S_IFMT) !== S_IFSOCK) return undefined;
  return Number(stat.getBigUint64(8, true)) || undefined;
}

/**
 * Credentials of the process at the other end: its user at connect(2) or listen(2), and the process that used its socket
 * last; unix(4). `undefined` where it has gone: the kernel then no longer names it.
 *
 * `struct xucred` (<sys/ucred.h>): u32 `cr_version`, u32 `cr_uid`, then groups. getpeereid(3) is this option's first half.
 */
function credentialsOf(lib: Libsystem, fd: number): PeerCredentials | undefined {
  const cred = readOption(lib, { fd, option: LOCAL_PEERCRED, bytes: XUCRED_BYTES });
  const pid = peerPid(lib, fd);
  if (cred?.getUint32(0, true) !== XUCRED_VERSION || pid === undefined) return undefined;
  return { user: String(cred.getUint32(4, true)), pid };
}

function peerPid(lib: Libsystem, fd: number): number | undefined {
  return readOption(lib, { fd, option: LOCAL_PEERPID, bytes: 4 })?.getInt32(0, true);
}

/** An option of a local socket; `undefined` where it is not to be had in its full length. */
function readOption(
  lib: Libsystem,
  { fd, option, bytes }: { fd: number; option: number; bytes: number },
): DataView | undefined {
  const value = new DataView(new ArrayBuffer(bytes));
  const length = new Uint32Array([bytes]);
  const status = lib.getsockopt(fd, SOL_LOCAL, option, value, length);
  return status === 0 && length[0] === bytes ? value : undefined;
}

/** Whether the address that `ask` writes is this path; the kernel's length may count a NUL behind it or not. */
function bearsAddress(
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

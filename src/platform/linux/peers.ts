import { libc } from "../../../ffi/libc.ts";
import type { AcceptedPeers, PeerCredentials, PinnedPeer } from "../local_socket.ts";
import { readProcFile } from "./proc.ts";
import { MAX_DESCRIPTORS, NewSocketFinder } from "../unix/new_socket.ts";

/** <asm-generic/socket.h>; socket(7). */
const SOL_SOCKET = 1, SO_PEERCRED = 17, SO_ACCEPTCONN = 30, SO_COOKIE = 57, SO_PEERPIDFD = 77;

const UTF8 = new TextEncoder();

/** Shared buffer of the system calls, with room for a `sockaddr_un` (2 + 108 bytes, unix(7)). */
const words = new Uint32Array(28);
const bytes = new Uint8Array(words.buffer);
const length = new Uint32Array(1);

/** Identifies sockets by SO_COOKIE, which is never reused (socket(7)). */
export function trackPeers(path: string): AcceptedPeers {
  return new LinuxAcceptedPeers(path);
}

class LinuxAcceptedPeers implements AcceptedPeers {
  readonly #sockets: NewSocketFinder;

  constructor(path: string) {
    const address = UTF8.encode(path);
    this.#sockets = new NewSocketFinder({
      readCookie,
      isAccepted: (fd) => hasLocalAddress(fd, address) && !isListening(fd),
    });
  }

  identify(): PeerCredentials | undefined {
    const fd = this.#sockets.find();
    return fd === undefined ? undefined : readCredentials(fd);
  }

  pin(): PinnedPeer | undefined {
    const fd = this.#sockets.last;
    if (fd === undefined) return undefined;
    const pidfd = openPeerPidfd(fd);
    if (pidfd === undefined) return isKernelAtLeast(6, 5) ? undefined : UNPINNED;
    const pinned = pinBy(pidfd);
    if (pinned.isAlive()) return pinned;
    pinned[Symbol.dispose]();
    return undefined;
  }
}

/** Kernels before 6.5 cannot pin a peer by its socket. */
const UNPINNED: PinnedPeer = { isAlive: () => true, [Symbol.dispose]: () => {} };

function pinBy(pidfd: number): PinnedPeer {
  return {
    isAlive: () => isRunning(pidfd),
    [Symbol.dispose]: () => void libc().close(pidfd),
  };
}

/**
 * Returns the server's credentials for each connection of this process to `path`. The runtime hides which descriptor belongs
 * to a given connection, so the result has all.
 */
export function listServers(path: string): PeerCredentials[] {
  const address = UTF8.encode(path);
  const peers: PeerCredentials[] = [];
  const limit = readDescriptorLimit();
  for (let fd = 0; fd < limit; fd++) {
    const peer = hasRemoteAddress(fd, address) ? readCredentials(fd) : undefined;
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
}

/** Returns the size of this process's descriptor table; proc_pid_status(5). */
function readDescriptorLimit(): number {
  const status = readProcFile("/proc/self/status") ?? "";
  return Number(/^FDSize:\s*(\d+)$/m.exec(status)?.[1] ?? MAX_DESCRIPTORS);
}

/** `undefined` if the descriptor is no socket. The first 2⁵³ cookies fit a number. */
function readCookie(fd: number): number | undefined {
  return readOption(fd, SO_COOKIE, 8) ? words[0]! + words[1]! * 2 ** 32 : undefined;
}

/**
 * Reads the peer credentials that the kernel recorded at connect(2) or listen(2) (unix(7), SO_PEERCRED):
 * struct ucred { pid_t pid; uid_t uid; gid_t gid; }.
 */
function readCredentials(fd: number): PeerCredentials | undefined {
  return readOption(fd, SO_PEERCRED, 12) ? { pid: words[0]!, user: String(words[1]!) } : undefined;
}

/** Opens a pidfd of the peer, for the caller to close; `undefined` if it has ended or the kernel is older than 6.5. */
function openPeerPidfd(fd: number): number | undefined {
  return readOption(fd, SO_PEERPIDFD, 4) ? words[0]! : undefined;
}

function isKernelAtLeast(major: number, minor: number): boolean {
  const [a = 0, b = 0] = Deno.osRelease().split(".").map((part) => Number.parseInt(part));
  return a > major || (a === major && b >= minor);
}

/** A pidfd is readable after its process ends (pidfd_open(2)); struct pollfd { int fd; short events; short revents; }. */
function isRunning(pidfd: number): boolean {
  const POLLIN = 1;
  return libc().poll(new Int32Array([pidfd, POLLIN]), 1n, 0) === 0;
}

/** The listener has the same address as its connections. */
function isListening(fd: number): boolean {
  return readOption(fd, SO_ACCEPTCONN, 4) && words[0] !== 0;
}

function readOption(fd: number, option: number, size: number): boolean {
  length[0] = size;
  return libc().getsockopt(fd, SOL_SOCKET, option, bytes, length) === 0;
}

function hasLocalAddress(fd: number, address: Uint8Array): boolean {
  length[0] = bytes.length;
  return libc().getsockname(fd, bytes, length) === 0 && isUnixAddress(address);
}

function hasRemoteAddress(fd: number, address: Uint8Array): boolean {
  length[0] = bytes.length;
  return libc().getpeername(fd, bytes, length) === 0 && isUnixAddress(address);
}

/** struct sockaddr_un { sa_family_t sun_family; char sun_path[]; }, with a NUL after the path; AF_UNIX is 1. */
function isUnixAddress(address: Uint8Array): boolean {
  if (length[0]! !== address.length + 3 || bytes[0] !== 1 || bytes[1] !== 0) return false;
  for (let i = 0; i < address.length; i++) if (bytes[i + 2] !== address[i]) return false;
  return bytes[address.length + 2] === 0;
}

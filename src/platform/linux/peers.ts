import { libc } from "../../../ffi/libc.ts";
import type { AcceptedPeers, PeerCredentials, PinnedPeer } from "../local_socket.ts";
import { readProcFile } from "./proc.ts";
import { MOST_DESCRIPTORS, NewSocketFinder } from "../unix/new_socket.ts";

/** <asm-generic/socket.h>; socket(7). */
const SOL_SOCKET = 1, SO_PEERCRED = 17, SO_ACCEPTCONN = 30, SO_COOKIE = 57, SO_PEERPIDFD = 77;

const UTF8 = new TextEncoder();

/** A buffer and a length that the system calls fill: room for a `sockaddr_un` (2 + 108 bytes, unix(7)). */
const words = new Uint32Array(28);
const bytes = new Uint8Array(words.buffer);
const length = new Uint32Array(1);

/** Sockets are told apart by SO_COOKIE, which the kernel gives out once (socket(7)). */
export function acceptedPeers(path: string): AcceptedPeers {
  return new LinuxAcceptedPeers(path);
}

class LinuxAcceptedPeers implements AcceptedPeers {
  readonly #sockets: NewSocketFinder;

  constructor(path: string) {
    const address = UTF8.encode(path);
    this.#sockets = new NewSocketFinder({
      cookieOf,
      isOurs: (fd) => hasLocalAddress(fd, address) && !isListening(fd),
    });
  }

  identify(): PeerCredentials | undefined {
    const fd = this.#sockets.find();
    return fd === undefined ? undefined : credentialsOf(fd);
  }

  pin(): PinnedPeer | undefined {
    const fd = this.#sockets.last;
    if (fd === undefined) return undefined;
    const pidfd = peerPidfd(fd);
    if (pidfd === undefined) return kernelIsAtLeast(6, 5) ? undefined : UNPINNED;
    const pinned = pinBy(pidfd);
    if (pinned.isAlive()) return pinned;
    pinned[Symbol.dispose]();
    return undefined;
  }
}

/** Kernels before 6.5 cannot hold a peer by its socket. */
const UNPINNED: PinnedPeer = { isAlive: () => true, [Symbol.dispose]: () => {} };

function pinBy(pidfd: number): PinnedPeer {
  return {
    isAlive: () => isRunning(pidfd),
    [Symbol.dispose]: () => void libc().close(pidfd),
  };
}

/**
 * Who serves the connections of this process to the address `path`; all of them, as which one is a given connection's
 * is hidden by the runtime.
 */
export function serversAt(path: string): PeerCredentials[] {
  const address = UTF8.encode(path);
  const peers: PeerCredentials[] = [];
  const limit = descriptorLimit();
  for (let fd = 0; fd < limit; fd++) {
    const peer = hasRemoteAddress(fd, address) ? credentialsOf(fd) : undefined;
    if (peer !== undefined) peers.push(peer);
  }
  return peers;
}

/** A number above every descriptor of this process: its table's size; proc_pid_status(5). */
function descriptorLimit(): number {
  const status = readProcFile("/proc/self/status") ?? "";
  return Number(/^FDSize:\s*(\d+)$/m.exec(status)?.[1] ?? MOST_DESCRIPTORS);
}

/** `undefined` where the descriptor is no socket; the 64 bits fit a number for the next 9 × 10¹⁵ sockets. */
function cookieOf(fd: number): number | undefined {
  return readOption(fd, SO_COOKIE, 8) ? words[0]! + words[1]! * 2 ** 32 : undefined;
}

/**
 * Credentials of the process at the other end, recorded by the kernel at connect(2) or listen(2) (unix(7), SO_PEERCRED):
 * struct ucred { pid_t pid; uid_t uid; gid_t gid; }.
 */
function credentialsOf(fd: number): PeerCredentials | undefined {
  return readOption(fd, SO_PEERCRED, 12) ? { pid: words[0]!, user: String(words[1]!) } : undefined;
}

/** A pidfd of the process at the other end, ours to close; `undefined` where it is gone or the kernel is older than 6.5. */
function peerPidfd(fd: number): number | undefined {
  return readOption(fd, SO_PEERPIDFD, 4) ? words[0]! : undefined;
}

function kernelIsAtLeast(major: number, minor: number): boolean {
  const [a = 0, b = 0] = Deno.osRelease().split(".").map((part) => Number.parseInt(part));
  return a > major || (a === major && b >= minor);
}

/** A pidfd is readable once its process has ended (pidfd_open(2)); struct pollfd { int fd; short events; short revents; }. */
function isRunning(pidfd: number): boolean {
  const POLLIN = 1;
  return libc().poll(new Int32Array([pidfd, POLLIN]), 1n, 0) === 0;
}

/** The listener bears the address, too. */
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

/** struct sockaddr_un { sa_family_t sun_family; char sun_path[]; }, the path closed by a NUL; AF_UNIX is 1. */
function isUnixAddress(address: Uint8Array): boolean {
  if (length[0]! !== address.length + 3 || bytes[0] !== 1 || bytes[1] !== 0) return false;
  for (let i = 0; i < address.length; i++) if (bytes[i + 2] !== address[i]) return false;
  return bytes[address.length + 2] === 0;
}

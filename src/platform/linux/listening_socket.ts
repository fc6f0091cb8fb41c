import { libc } from "../../../ffi/libc.ts";
import type { ListeningSocket } from "../contract.ts";
import { listKernelFolder } from "./proc.ts";

/** <asm-generic/socket.h>, <bits/socket.h>; socket(7). */
const SOL_SOCKET = 1, SO_ACCEPTCONN = 30, AF_INET = 2, AF_INET6 = 10;

/** <poll.h>, <linux/fcntl.h>; poll(2), fcntl(2). */
const POLLIN = 1, F_DUPFD_CLOEXEC = 1030;

/** Offset of the port in `struct sockaddr_in` and `sockaddr_in6`, in network order (ip(7), ipv6(7)). */
const PORT_AT = 2;

/** Finds this process's listener at a TCP port, as the runtime hides its descriptor. */
export function findListener(port: number): ListeningSocket | undefined {
  const fd = listKernelFolder("/proc/self/fd").map(Number).find((fd) => isListeningOn(fd, port));
  return fd === undefined ? undefined : wrapSocket(fd);
}

function wrapSocket(fd: number): ListeningSocket {
  return {
    // struct pollfd { int fd; short events; short revents; }
    hasWaiting: () => libc().poll(new Int32Array([fd, POLLIN]), 1n, 0) > 0,
    duplicate() {
      const copy = libc().fcntl(fd, F_DUPFD_CLOEXEC, 0);
      return copy < 0 ? undefined : { fd: copy, socket: wrapSocket(copy) };
    },
  };
}

function isListeningOn(fd: number, port: number): boolean {
  const isListening = new Int32Array(1);
  const length = new Uint32Array([4]);
  const read = libc().getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, isListening, length);
  if (read !== 0 || isListening[0] !== 1) return false;
  const address = new Uint8Array(128);
  length[0] = address.length;
  if (libc().getsockname(fd, address, length) !== 0) return false;
  const view = new DataView(address.buffer);
  const isTcp = [AF_INET, AF_INET6].includes(view.getUint16(0, true));
  return isTcp && view.getUint16(PORT_AT) === port;
}

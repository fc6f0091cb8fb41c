import { libc } from "../../../ffi/libc.ts";
import type { ListeningSocket } from "../contract.ts";
import { listKernelFolder } from "./proc.ts";

/** <asm-generic/socket.h>, <bits/socket.h>; socket(7). */
const SOL_SOCKET = 1, SO_ACCEPTCONN = 30, SO_DOMAIN = 39;
const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10;

/** <poll.h>, <linux/fcntl.h>; poll(2), fcntl(2). */
const POLLIN = 1, F_DUPFD_CLOEXEC = 1030;

/** Offset of the port in `struct sockaddr_in` and `sockaddr_in6`, in network order (ip(7), ipv6(7)). */
const PORT_AT = 2;

/** Finds this process's listener at a TCP port, as the runtime hides its descriptor. */
export function findListener(port: number): ListeningSocket | undefined {
  const fd = listKernelFolder("/proc/self/fd").map(Number).find((fd) => isListeningOn(fd, port));
  return fd === undefined ? undefined : wrapSocket(fd);
}

/** Whether this process may have a listener that is no Unix socket; false only if it surely has none. */
export function mayListenOnNetwork(): boolean {
  const descriptors = listKernelFolder("/proc/self/fd").map(Number);
  return descriptors.length === 0 || descriptors.some((fd) => {
    const domain = readSocketOption(fd, SO_DOMAIN);
    return domain !== undefined && domain !== AF_UNIX && readSocketOption(fd, SO_ACCEPTCONN) !== 0;
  });
}

/** `undefined` if the descriptor is no socket. */
function readSocketOption(fd: number, option: number): number | undefined {
  const value = new Int32Array(1);
  const read = libc().getsockopt(fd, SOL_SOCKET, option, value, new Uint32Array([4]));
  return read === 0 ? value[0] : undefined;
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
  if (readSocketOption(fd, SO_ACCEPTCONN) !== 1) return false;
  const address = new Uint8Array(128);
  const length = new Uint32Array([address.length]);
  if (libc().getsockname(fd, address, length) !== 0) return false;
  const view = new DataView(address.buffer);
  const isTcp = [AF_INET, AF_INET6].includes(view.getUint16(0, true));
  return isTcp && view.getUint16(PORT_AT) === port;
}

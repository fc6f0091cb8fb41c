import { libc } from "../../../ffi/libc.ts";

/** <bits/socket.h>, <bits/socket_type.h>; socket(2), send(2). */
const AF_UNIX = 1, SOCK_DGRAM_CLOEXEC = 2 | 0o2000000, MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
/** <linux/time.h>; clock_gettime(2). */
const CLOCK_MONOTONIC = 1;

/** `sun_path`; unix(7). */
const MAX_ADDRESS_BYTES = 108;

/**
 * Sends a datagram as sd_notify(3) does, without waiting for a manager that does not read. Adds the time that systemd
 * requires to `RELOADING=1`.
 *
 * @param address A path, or `@` and a name in the abstract namespace.
 * @returns False if it could not be sent.
 */
export function notifyService(address: string, text: string): boolean {
  const { socket, sendto, close } = libc();
  const to = encodeAddress(address);
  if (to === undefined) return false;
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return false;
  const isReload = text.split("\n").includes("RELOADING=1");
  const full = isReload ? `${text}\nMONOTONIC_USEC=${readMonotonicMicroseconds()}` : text;
  const bytes = new TextEncoder().encode(full);
  const sent = sendto(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT_NOSIGNAL, to, to.length);
  close(fd);
  return Number(sent) === bytes.length;
}

/** struct sockaddr_un { sa_family_t sun_family; char sun_path[]; }; an abstract name begins with a NUL. */
function encodeAddress(address: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[/@]./.test(address)) return undefined;
  const path = new TextEncoder().encode(
    address.startsWith("@") ? "\0" + address.slice(1) : address,
  );
  if (path.length > MAX_ADDRESS_BYTES) return undefined;
  const to = new Uint8Array(2 + path.length);
  new DataView(to.buffer).setUint16(0, AF_UNIX, true);
  to.set(path, 2);
  return to;
}

function readMonotonicMicroseconds(): bigint {
  const timespec = new BigInt64Array(2);
  libc().clock_gettime(CLOCK_MONOTONIC, timespec);
  const [seconds, nanoseconds] = timespec;
  return seconds! * 1_000_000n + nanoseconds! / 1000n;
}

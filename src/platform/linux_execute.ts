import { libc } from "../../ffi/libc.ts";
import { cString } from "./c_string.ts";
import { listKernelFolder } from "./linux_proc.ts";
import type { ProgramImage } from "./privilege_control.ts";

/** <fcntl.h>; fcntl(2). */
const F_SETFD = 2, FD_CLOEXEC = 1;
const POINTER_BYTES = 8;

/** Has none but the three standard streams survive an execve(2): whatever root has open is not the user's. */
export function keepStreamsOnly(): void {
  for (const name of listKernelFolder("/proc/self/fd")) {
    if (Number(name) > 2) libc().fcntl(Number(name), F_SETFD, FD_CLOEXEC);
  }
}

/** A program as execve(2) takes it, laid out beforehand: nothing has to be made between the last steps. */
export function prepareExecve({ path, args, env }: ProgramImage): () => void {
  const { execve } = libc();
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const texts = [path, ...args, ...variables].map(cString);
  // one block, which the call itself keeps alive
  const block = new Uint8Array(texts.reduce((bytes, text) => bytes + text.length, 0));
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(block));
  let offset = 0;
  const addresses = texts.map((text) => {
    block.set(text, offset);
    const address = start + BigInt(offset);
    offset += text.length;
    return address;
  });
  const argv = pointers(addresses.slice(0, 1 + args.length));
  const envp = pointers(addresses.slice(1 + args.length));
  return () => void execve(block, argv, envp);
}

/** With a null pointer behind the last one. */
function pointers(addresses: readonly bigint[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array((addresses.length + 1) * POINTER_BYTES);
  new BigUint64Array(bytes.buffer).set(addresses);
  return bytes;
}

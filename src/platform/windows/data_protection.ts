import { crypt32 } from "../../../ffi/crypt32.ts";
import { kernel32 } from "../../../ffi/kernel32.ts";
import type { DataProtection } from "../contract.ts";

/** dpapi.h: no window asks the user. */
const UI_FORBIDDEN = 0x1;

type Convert = "CryptProtectData" | "CryptUnprotectData";

/** DPAPI, in the scope of the user: the system has a key for each of them, which his password opens. */
export const dpapi: DataProtection = {
  kind: "dpapi",
  seal: (secret) => convert("CryptProtectData", secret),
  open: (sealed) => convert("CryptUnprotectData", sealed),
};

function convert(
  name: Convert,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | undefined {
  // outside the heap, as the blob holds its address
  const input = new ArrayBuffer(bytes.length);
  new Uint8Array(input).set(bytes);
  const source = new DataView(new ArrayBuffer(16)), target = new DataView(new ArrayBuffer(16));
  source.setUint32(0, bytes.length, true);
  source.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(input)), true);
  try {
    const isDone = crypt32()[name](source, null, null, 0n, null, UI_FORBIDDEN, target) !== 0;
    return isDone ? takeBlob(target) : undefined;
  } finally {
    new Uint8Array(input).fill(0);
  }
}

/** Copies what the system made, wipes it and gives it back. */
function takeBlob(blob: DataView): Uint8Array<ArrayBuffer> {
  const length = blob.getUint32(0, true), address = blob.getBigUint64(8, true);
  const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
  const there = new Uint8Array(view.getArrayBuffer(length));
  const copy = there.slice();
  there.fill(0);
  kernel32().LocalFree(address);
  return copy;
}

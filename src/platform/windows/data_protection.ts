import { crypt32 } from "../../../ffi/crypt32.ts";
import { kernel32 } from "../../../ffi/kernel32.ts";
import type { DataProtection } from "../contract.ts";

/** CRYPTPROTECT_UI_FORBIDDEN (dpapi.h). */
const UI_FORBIDDEN = 0x1;

type Convert = "CryptProtectData" | "CryptUnprotectData";

/** DPAPI in user scope: the system keeps a key for each user, protected by the user's password. */
export const dpapi: DataProtection = {
  kind: "dpapi",
  seal: (secret) => convert("CryptProtectData", secret),
  open: (sealed) => convert("CryptUnprotectData", sealed),
};

function convert(
  name: Convert,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | undefined {
  // an ArrayBuffer, whose address is fixed for the blob
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

/** Copies the system's output, then wipes and frees it. */
function takeBlob(blob: DataView): Uint8Array<ArrayBuffer> {
  const length = blob.getUint32(0, true), address = blob.getBigUint64(8, true);
  const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
  const output = new Uint8Array(view.getArrayBuffer(length));
  const copy = output.slice();
  output.fill(0);
  kernel32().LocalFree(address);
  return copy;
}

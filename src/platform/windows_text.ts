/** UTF-16 with its NUL, as the system's functions take it. */
export function wideText(text: string): Uint16Array<ArrayBuffer> {
  // by units, as characters beyond the first plane have two; behind the last there is NaN, which is the NUL
  return Uint16Array.from({ length: text.length + 1 }, (_, i) => text.charCodeAt(i));
}

/** UTF-16 at an address, up to its NUL. */
export function readWideText(address: bigint): string {
  const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
  const units: number[] = [];
  for (let unit; (unit = view.getUint16(units.length * 2)) !== 0;) units.push(unit);
  return String.fromCharCode(...units);
}

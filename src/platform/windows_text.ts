/** UTF-16 with its NUL, as the system's functions take it. */
export function wideText(text: string): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(`${text}\0`, (character) => character.charCodeAt(0));
}

/** UTF-16 at an address, up to its NUL. */
export function readWideText(address: bigint): string {
  const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
  const units: number[] = [];
  for (let unit; (unit = view.getUint16(units.length * 2)) !== 0;) units.push(unit);
  return String.fromCharCode(...units);
}

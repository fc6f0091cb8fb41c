/** Encodes text as UTF-16 with a final NUL. */
export function encodeWide(text: string): Uint16Array<ArrayBuffer> {
  // by code units; past the end charCodeAt() is NaN, stored as the NUL
  return Uint16Array.from({ length: text.length + 1 }, (_, i) => text.charCodeAt(i));
}

/** Reads UTF-16 at an address, up to its NUL. */
export function readWide(address: bigint): string {
  const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
  const units: number[] = [];
  for (let unit; (unit = view.getUint16(units.length * 2)) !== 0;) units.push(unit);
  return String.fromCharCode(...units);
}

/** OBJ_CASE_INSENSITIVE; SecurityIdentification: a server may identify this user but not impersonate it. */
const CASE_INSENSITIVE = 0x40, IDENTIFICATION = 1;

/** Offsets of the structures in the one buffer; they point at each other. */
const NAME_AT = 48, QUALITY_AT = 64, TEXT_AT = 80;

/**
 * Creates OBJECT_ATTRIBUTES with its UNICODE_STRING and SECURITY_QUALITY_OF_SERVICE in one buffer, which keeps all of them
 * alive during a call.
 *
 * @param name Native name, such as `\\??\\pipe\\x`.
 * @param options `descriptor`: address of a security descriptor, 0 for the default.
 */
export function makeObjectAttributes(
  name: string,
  { descriptor }: { descriptor: bigint },
): ArrayBuffer {
  const text = encodeWide(name);
  const buffer = new ArrayBuffer(TEXT_AT + text.byteLength);
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
  const view = new DataView(buffer);
  view.setUint32(0, NAME_AT, true);
  view.setBigUint64(16, base + BigInt(NAME_AT), true);
  view.setUint32(24, CASE_INSENSITIVE, true);
  view.setBigUint64(32, descriptor, true);
  view.setBigUint64(40, base + BigInt(QUALITY_AT), true);
  view.setUint16(NAME_AT, text.byteLength - 2, true);
  view.setUint16(NAME_AT + 2, text.byteLength, true);
  view.setBigUint64(NAME_AT + 8, base + BigInt(TEXT_AT), true);
  // its length, the level, static tracking, effective rights only
  view.setUint32(QUALITY_AT, 12, true);
  view.setUint32(QUALITY_AT + 4, IDENTIFICATION, true);
  view.setUint8(QUALITY_AT + 9, 1);
  new Uint16Array(buffer, TEXT_AT).set(text);
  return buffer;
}

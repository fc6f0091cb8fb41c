/** The C types that structures are made of here, with their sizes; each is aligned to its size. */
const SIZES = { u8: 1, char: 1, u16: 2, i16: 2, u32: 4, i32: 4, u64: 8, i64: 8 } as const;

/** A field as a header has it: type, how many (1 where it is no array), value of its first element. */
export type CField = readonly [
  type: keyof typeof SIZES,
  value: number | bigint | string,
  count?: number,
];

/** Bytes of a structure laid out as a little-endian C compiler does: fields in order, aligned, padded at the end. */
export function cStruct(fields: readonly CField[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(1024));
  let at = 0, alignment = 1;
  for (const [type, value, count = 1] of fields) {
    const size = SIZES[type];
    alignment = Math.max(alignment, size);
    at = Math.ceil(at / size) * size;
    write(view, { at, size, value });
    at += size * count;
  }
  return new Uint8Array(view.buffer.slice(0, Math.ceil(at / alignment) * alignment));
}

function write(
  view: DataView,
  { at, size, value }: { at: number; size: number; value: number | bigint | string },
): void {
  if (typeof value === "string") {
    new TextEncoder().encodeInto(value, new Uint8Array(view.buffer, at));
  } else if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  else if (size === 4) view.setUint32(at, Number(value), true);
  else if (size === 2) view.setUint16(at, Number(value), true);
  else view.setUint8(at, Number(value));
}

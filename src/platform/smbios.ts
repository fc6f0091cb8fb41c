/** What SMBIOS (DMTF DSP0134) tells of processor and board; `undefined` where the table has none. */
export interface SmbiosNumbers {
  /** Type 4, offset 8: eight bytes as 16 hex digits, the highest first, as Windows prints its processor id. */
  readonly processorId: string | undefined;
  /** Type 2, offset 7. */
  readonly boardSerial: string | undefined;
}

const HEADER_BYTES = 4;
const BOARD = 2, PROCESSOR = 4;

/** Reads the first processor and the first board of a structure table; of one that is cut short, what is whole. */
export function readSmbios(table: Uint8Array): SmbiosNumbers {
  let processorId: string | undefined, boardSerial: string | undefined;
  for (let start = 0; start + HEADER_BYTES <= table.length;) {
    const [type, length] = [table[start]!, table[start + 1]!];
    if (length < HEADER_BYTES) break;
    const fixed = table.subarray(start, start + length);
    const end = stringsEnd(table, start + length);
    if (end > table.length) break;
    const strings = new TextDecoder("latin1").decode(table.subarray(start + length, end)).split(
      "\0",
    );
    if (type === PROCESSOR && fixed.length >= 16) {
      processorId ??= fixed.slice(8, 16).reverse().toHex().toUpperCase();
    }
    // strings are counted from 1
    if (type === BOARD && fixed.length > 7) boardSerial ??= strings[fixed[7]! - 1]?.trim();
    start = end;
  }
  return { processorId, boardSerial };
}

/** Behind the two zero bytes that end a structure's strings; beyond the table where they are not there. */
function stringsEnd(table: Uint8Array, start: number): number {
  let end = start;
  while (end + 1 < table.length && (table[end] !== 0 || table[end + 1] !== 0)) end++;
  return end + 2;
}

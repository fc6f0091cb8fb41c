/** Bytes of one coordinate of P-256. */
const COORDINATE_BYTES = 32;

const SEQUENCE = 0x30, INTEGER = 0x02;

/**
 * An ECDSA-P256 signature from DER (RFC 3279 section 2.2.3, `SEQUENCE { INTEGER r, INTEGER s }`) to P1363 (r‖s, 64
 * bytes), or `undefined` for everything that is not the one minimal encoding: long-form lengths, padding zeros, negative
 * or empty integers, bytes behind the end.
 */
export function derToP1363(der: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (der.length < 8 || der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined;
  const raw = new Uint8Array(2 * COORDINATE_BYTES);
  const middle = readInteger(der, 2, raw.subarray(0, COORDINATE_BYTES));
  if (middle === undefined) return undefined;
  const end = readInteger(der, middle, raw.subarray(COORDINATE_BYTES));
  return end === der.length ? raw : undefined;
}

/** Writes the integer at `start` right-aligned into `target`; returns where the next element begins. */
function readInteger(der: Uint8Array, start: number, target: Uint8Array): number | undefined {
  const length = der[start + 1];
  if (der[start] !== INTEGER || length === undefined || length === 0) return undefined;
  const end = start + 2 + length;
  if (end > der.length) return undefined;
  const first = der[start + 2]!, second = der[start + 3];
  if (first >= 0x80) return undefined;
  if (first === 0 && length > 1 && second! < 0x80) return undefined;
  const digits = der.subarray(first === 0 ? start + 3 : start + 2, end);
  if (digits.length > target.length) return undefined;
  target.set(digits, target.length - digits.length);
  return end;
}

/** The opposite of {@linkcode derToP1363}; `raw` is r‖s, 64 bytes. */
export function p1363ToDer(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  const r = encodeInteger(raw.subarray(0, COORDINATE_BYTES));
  const s = encodeInteger(raw.subarray(COORDINATE_BYTES));
  return Uint8Array.of(SEQUENCE, r.length + s.length, ...r, ...s);
}

function encodeInteger(coordinate: Uint8Array): number[] {
  let start = 0;
  while (start < coordinate.length - 1 && coordinate[start] === 0) start++;
  const digits = [...coordinate.subarray(start)];
  if (digits[0]! >= 0x80) digits.unshift(0);
  return [INTEGER, digits.length, ...digits];
}

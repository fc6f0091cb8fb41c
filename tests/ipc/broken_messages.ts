import { encodeFrame, FRAME_HEADER_BYTES } from "../../src/ipc/framing.ts";

type Random = () => number;

const UTF8 = new TextEncoder();
const VALID = [
  '{"method":"get_license"}',
  '{"method":"get_features","id":7}',
  '{"method":"health","id":"a-1","params":{}}',
  '{"id":1.5,"method":"status","params":{"a":[1,2,{"b":null}]}}',
];

/** A mutated message, which may still be valid: a line without its end. */
export type BrokenLine = Uint8Array<ArrayBuffer>;

const LINES: readonly ((random: Random) => string | Uint8Array)[] = [
  // truncated
  (random) => {
    const text = pick(VALID, random);
    return text.slice(0, below(text.length, random));
  },
  // one to four bits flipped
  (random) => {
    const bytes = UTF8.encode(pick(VALID, random));
    for (let i = below(4, random); i >= 0; i--) {
      bytes[below(bytes.length, random)]! ^= 1 << below(8, random);
    }
    return bytes;
  },
  // wrong types
  (random) => `{"method":${pick(NOT_STRINGS, random)}}`,
  (random) => `{"method":"health","id":${pick(NOT_IDS, random)}}`,
  (random) => `{"method":"health","params":${pick(NOT_OBJECTS, random)}}`,
  (random) => pick([...NOT_OBJECTS, '"method"', "{}", '{"id":1}'], random),
  // huge numbers
  (random) => `{"method":"health","id":${pick(["", "-"], random)}${digits(random)}}`,
  (random) => `{"method":"health","id":1e${below(100_000, random)}}`,
  // NULs and other control characters
  (random) => `{"method":"he${String.fromCharCode(below(32, random))}alth"}`,
  (random) => "\0".repeat(1 + below(100, random)),
  // lone surrogates, escaped and as bytes, overlong and impossible UTF-8
  (random) => `{"method":"\\u${pick(["d800", "dfff", "DBFF", "dc00"], random)}"}`,
  (random) => around('{"method":"', pick(BAD_UTF8, random), '"}'),
  // byte order marks
  (random) => pick(["\ufeff", "\ufffe", " \ufeff"], random) + pick(VALID, random),
  // deep nesting
  (random) => nested(pick(["[", '{"a":'], random), 60 + below(5000, random)),
  // prototypes and duplicate keys
  (random) => `{"__proto__":{"method":"health"},"x":${below(9, random)}}`,
  (random) => `{"constructor":{"prototype":{"method":"get_license"}},"x":${below(9, random)}}`,
  (random) => `{"method":"health","method":${pick(['"get_license"', "1"], random)}}`,
  // too long, by one byte and by many
  (random) => `{"method":"${"x".repeat(65_536 - 12 + below(100_000, random))}"}`,
  // anything
  (random) => Uint8Array.from({ length: 1 + below(200, random) }, () => below(256, random)),
];

/** Frames and beginnings of frames. */
const FRAMES: readonly ((random: Random) => Uint8Array)[] = [
  (random) => patched(random, (view) => view.setUint8(1 + below(3, random), below(256, random))),
  (random) => patched(random, (view) => view.setUint16(4, below(65_536, random))),
  (random) => patched(random, (view) => view.setUint16(6, below(65_536, random))),
  (random) =>
    patched(
      random,
      (view) => view.setUint32(12, 10 * 2 ** 20 + 1 + below(2 ** 32 - 10 * 2 ** 20 - 1, random)),
    ),
  (random) => patched(random, (view) => view.setUint32(12, 0xffffffff)),
  (random) => patched(random, (view) => view.setUint32(12, below(40, random))),
  (random) => validFrame(random).slice(0, below(FRAME_HEADER_BYTES + 20, random)),
  (random) => encodeFrame(brokenLine(random), { kind: 1, requestId: below(2 ** 32, random) }),
  (random) => {
    const bytes = validFrame(random);
    bytes[below(FRAME_HEADER_BYTES, random)]! ^= 1 << below(8, random);
    return bytes;
  },
];

/** One broken line; never with a line feed inside. */
export function brokenLine(random: Random): BrokenLine {
  const made = pick(LINES, random)(random);
  const bytes = typeof made === "string" ? UTF8.encode(made) : made;
  return bytes.map((byte) => byte === 0x0a ? 0x0b : byte) as BrokenLine;
}

/** One broken frame or piece of one. */
export function brokenFrame(random: Random): Uint8Array {
  return pick(FRAMES, random)(random);
}

const NOT_OBJECTS = ["null", "true", "0", "-1.5e300", '"x"', "[]", '[{"method":"health"}]'];
const NOT_STRINGS = ["null", "false", "12", "[]", '["health"]', "{}", '{"toString":"health"}'];
const NOT_IDS = ["null", "true", "[]", "{}", "[1]", "NaN", "-", "01", "0x10", "1e", "+1", ".5"];
const BAD_UTF8 = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0x80],
];

function validFrame(random: Random): Uint8Array<ArrayBuffer> {
  const payload = UTF8.encode(pick(VALID, random));
  return encodeFrame(payload, { kind: 1, requestId: below(2 ** 32, random) });
}

function patched(random: Random, change: (view: DataView) => void): Uint8Array {
  const bytes = validFrame(random);
  change(new DataView(bytes.buffer));
  return bytes;
}

function around(before: string, bytes: readonly number[], after: string): Uint8Array {
  return Uint8Array.from([...UTF8.encode(before), ...bytes, ...UTF8.encode(after)]);
}

function nested(open: string, levels: number): string {
  return `{"method":"health","params":${open.repeat(levels)}`;
}

function digits(random: Random): string {
  const length = 1 + below(5000, random);
  return Array.from({ length }, () => 1 + below(9, random)).join("");
}

function pick<T>(values: readonly T[], random: Random): T {
  return values[below(values.length, random)]!;
}

function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

import { IpcClientError } from "./errors.ts";
import { MAX_PAYLOAD_BYTES } from "./limits.ts";

/**
 * A frame's header, 16 bytes, big-endian: magic `SNTL`, u16 version, u16 kind, u32 request id, u32 payload length.
 */
export const FRAME_HEADER_BYTES = 16;
export const FRAME_MAGIC = 0x534e544c;
export const FRAME_VERSION = 1;
export const FRAME_KIND = { request: 1, response: 2, event: 3 } as const;

/** First byte of a frame; a connection that starts with it uses frames, else lines. */
export const FRAME_FIRST_BYTE = FRAME_MAGIC >>> 24;

/** Fields of a frame's header, not validated. */
interface FrameHeader {
  readonly magic: number;
  readonly version: number;
  readonly kind: number;
  readonly requestId: number;
  readonly payloadBytes: number;
}

/** Reads a header; `bytes` holds at least {@linkcode FRAME_HEADER_BYTES} from `offset` on. */
export function readFrameHeader(bytes: Uint8Array, offset: number): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, FRAME_HEADER_BYTES);
  return {
    magic: view.getUint32(0),
    version: view.getUint16(4),
    kind: view.getUint16(6),
    requestId: view.getUint32(8),
    payloadBytes: view.getUint32(12),
  };
}

/** Encodes a frame: header and payload. */
export function encodeFrame(
  payload: Uint8Array,
  { kind, requestId }: { kind: number; requestId: number },
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, FRAME_MAGIC);
  view.setUint16(4, FRAME_VERSION);
  view.setUint16(6, kind);
  view.setUint32(8, requestId);
  view.setUint32(12, payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

const LINE_FEED = 0x0a;

/** Splits a stream into lines of at most 10 MiB. */
export class LineReader {
  #bytes = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  constructor(readonly source: { read(into: Uint8Array): Promise<number | null> }) {}

  /**
   * Returns the next line without its line feed, valid until the next call; `undefined` at the end of the stream, even if a
   * line is incomplete.
   *
   * @throws {IpcClientError} `absent.too_long`.
   */
  async next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    let scanned = this.#start;
    for (;;) {
      const at = this.#bytes.subarray(0, this.#end).indexOf(LINE_FEED, scanned);
      if (at !== -1) {
        const line = this.#bytes.subarray(this.#start, at);
        this.#start = at + 1;
        return line;
      }
      if (this.#end - this.#start > MAX_PAYLOAD_BYTES) throw new IpcClientError("absent.too_long");
      this.#makeRoom();
      scanned = this.#end;
      const count = await this.source.read(this.#bytes.subarray(this.#end));
      if (count === null) return undefined;
      this.#end += count;
    }
  }

  #makeRoom(): void {
    const held = this.#bytes.subarray(this.#start, this.#end);
    const target = held.length * 2 > this.#bytes.length
      ? new Uint8Array(this.#bytes.length * 2)
      : this.#bytes;
    target.set(held);
    this.#bytes = target;
    this.#start = 0;
    this.#end = held.length;
  }
}

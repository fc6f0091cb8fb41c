import type { StreamName } from "./processes.ts";

/** Docker's multiplexed stream, with a third kind of frame: control, JSON. */
export const STREAM_TYPE = "application/vnd.docker.multiplexed-stream";

/** Kind (u8), three zero bytes, length (u32, big-endian). */
export const HEADER_BYTES = 8;

const KINDS: Readonly<Record<StreamName | "control", number>> = {
  stdout: 1,
  stderr: 2,
  control: 3,
};

/** What a frame is: bytes of a stream, or control. */
type FrameKind = keyof typeof KINDS;

/** Puts a frame's header before its bytes, for which room was left. */
export function writeHeader(frame: Uint8Array, kind: FrameKind): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  view.setUint32(0, KINDS[kind] << 24);
  view.setUint32(4, frame.length - HEADER_BYTES);
}

/** A whole frame; the bytes are copied. */
export function encodeFrame(kind: FrameKind, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + bytes.length);
  frame.set(bytes, HEADER_BYTES);
  writeHeader(frame, kind);
  return frame;
}

const UTF8 = new TextEncoder();

/** A control frame. */
export function encodeControl(message: unknown): Uint8Array {
  return encodeFrame("control", UTF8.encode(JSON.stringify(message)));
}

/** A piece of a frame; a control frame comes whole, bytes come as they arrive. */
type FramePiece =
  | { readonly kind: StreamName; readonly bytes: Uint8Array }
  | { readonly kind: "control"; readonly text: string };

/** The longest control frame that is taken. */
const MAX_CONTROL_BYTES = 64 * 1024;

/** Takes a stream apart, in whatever pieces it arrives; keeps no bytes but those of a header or control frame. */
export class FrameDecoder {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  #kind: FrameKind = "stdout";
  /** Bytes of the frame that are still to come. */
  #left = 0;
  #control: Uint8Array | undefined;

  /**
   * The pieces that these bytes complete; they share the bytes' memory.
   *
   * @throws {TypeError} for what is no such stream.
   */
  *decode(chunk: Uint8Array): Generator<FramePiece> {
    for (let at = 0; at < chunk.length;) {
      if (this.#headerLength < HEADER_BYTES) at += this.#takeHeader(chunk.subarray(at));
      else {
        const bytes = chunk.subarray(at, at + this.#left);
        at += bytes.length;
        this.#left -= bytes.length;
        const piece = this.#take(bytes);
        if (piece !== undefined) yield piece;
      }
      if (this.#headerLength === HEADER_BYTES && this.#left === 0) this.#headerLength = 0;
    }
  }

  #takeHeader(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, HEADER_BYTES - this.#headerLength);
    this.#header.set(taken, this.#headerLength);
    this.#headerLength += taken.length;
    if (this.#headerLength === HEADER_BYTES) this.#open();
    return taken.length;
  }

  #open(): void {
    const view = new DataView(this.#header.buffer);
    const kind = (["stdout", "stderr", "control"] as const)
      .find((name) => view.getUint32(0) === KINDS[name] << 24);
    if (kind === undefined) throw new TypeError("Cannot read the stream: unknown kind of frame");
    this.#kind = kind;
    this.#left = view.getUint32(4);
    if (kind !== "control") return;
    if (this.#left > MAX_CONTROL_BYTES) {
      throw new TypeError("Cannot read the stream: control frame is too long");
    }
    this.#control = new Uint8Array(this.#left);
  }

  #take(bytes: Uint8Array): FramePiece | undefined {
    if (this.#kind !== "control") return { kind: this.#kind, bytes };
    const control = this.#control!;
    control.set(bytes, control.length - this.#left - bytes.length);
    if (this.#left > 0) return undefined;
    return { kind: "control", text: new TextDecoder().decode(control) };
  }
}

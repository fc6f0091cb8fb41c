import * as v from "valibot";
import type { OutputItem, StreamName } from "../core/output_item.ts";

/** Docker's multiplexed stream, extended by control frames (JSON). */
export const STREAM_TYPE = "application/vnd.docker.multiplexed-stream";

/** Size of a frame's header: kind (u8), three zero bytes, length (u32, big-endian). */
export const HEADER_BYTES = 8;

const KINDS: Readonly<Record<StreamName | "control", number>> = {
  stdout: 1,
  stderr: 2,
  control: 3,
};

type FrameKind = keyof typeof KINDS;

/** Writes the header to the first {@linkcode HEADER_BYTES} of a frame. */
export function writeHeader(frame: Uint8Array, kind: FrameKind): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  view.setUint32(0, KINDS[kind] << 24);
  view.setUint32(4, frame.length - HEADER_BYTES);
}

/** Encodes a frame of the output stream; copies the bytes. */
export function encodeOutputFrame(kind: FrameKind, bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + bytes.length);
  frame.set(bytes, HEADER_BYTES);
  writeHeader(frame, kind);
  return frame;
}

const UTF8 = new TextEncoder();

/** Encodes a control frame. */
export function encodeControl(message: unknown): Uint8Array {
  return encodeOutputFrame("control", UTF8.encode(JSON.stringify(message)));
}

/** Content of control frames; later servers may add fields. */
const controlSchema = v.object({
  gap: v.optional(v.object({ from: v.number(), to: v.number() })),
  fault: v.optional(v.object({ at: v.number(), message: v.string() })),
  end: v.optional(v.unknown()),
});

/** Longest accepted control frame. */
const MAX_CONTROL_BYTES = 64 * 1024;

/** Decodes a stream in chunks of any size; buffers only headers and control frames. */
export class FrameDecoder {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  #kind: FrameKind = "stdout";
  /** Remaining bytes of the frame. */
  #left = 0;
  #control: Uint8Array | undefined;
  /** Offset in the output, including gaps. */
  #offset = 0;

  /**
   * Yields the items in a chunk; their bytes share its memory.
   *
   * @throws {TypeError} if the stream is malformed.
   * @throws {SyntaxError} if a control frame is not JSON.
   */
  *decode(chunk: Uint8Array<ArrayBuffer>): Generator<OutputItem> {
    for (let at = 0; at < chunk.length;) {
      if (this.#headerLength < HEADER_BYTES) at += this.#takeHeader(chunk.subarray(at));
      else {
        const bytes = chunk.subarray(at, at + this.#left);
        at += bytes.length;
        this.#left -= bytes.length;
        const item = this.#take(bytes);
        if (item !== undefined) yield item;
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

  #take(bytes: Uint8Array<ArrayBuffer>): OutputItem | undefined {
    if (this.#kind !== "control") {
      const offset = this.#offset;
      this.#offset += bytes.length;
      return { kind: "bytes", stream: this.#kind, offset, bytes };
    }
    const control = this.#control!;
    control.set(bytes, control.length - this.#left - bytes.length);
    if (this.#left > 0) return undefined;
    return this.#readControl(JSON.parse(new TextDecoder().decode(control)));
  }

  /** `undefined` for unknown messages of later servers. */
  #readControl(value: unknown): OutputItem | undefined {
    const { success, output } = v.safeParse(controlSchema, value);
    if (!success) throw new TypeError("Cannot read the stream: malformed control frame");
    if (output.fault !== undefined) return { kind: "fault", ...output.fault };
    if ("end" in output) return { kind: "end", at: this.#offset };
    if (output.gap === undefined) return undefined;
    this.#offset = output.gap.to;
    return { kind: "gap", ...output.gap };
  }
}

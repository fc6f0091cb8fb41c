import {
  FRAME_FIRST_BYTE,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_MAGIC,
  FRAME_VERSION,
  readFrameHeader,
} from "./framing.ts";
import { MAX_LINE_BYTES, MAX_PAYLOAD_BYTES } from "./limits.ts";

/** Result of {@linkcode Inbox.next}: no complete message yet, a message, or a framing error, which is fatal. */
export type InboxStep = "more" | "message" | "line_too_long" | "payload_too_long" | "bad_header";

/** Initial buffer size, enough for usual requests; the buffer grows for longer ones and shrinks again. */
const SMALL_BYTES = 4096;
const LINE_FEED = 0x0a, CARRIAGE_RETURN = 0x0d;

/**
 * Splits the bytes received on a connection into messages, in either framing.
 *
 * Read into {@linkcode space}, {@linkcode commit} the count, then take messages until {@linkcode next} returns `more`. A
 * message is `bytes` from `from` to `to`, valid until the next call. Allocates for received bytes only, never for the length
 * that a header announces.
 */
export class Inbox {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(SMALL_BYTES);
  from = 0;
  to = 0;
  /** Whether the connection uses frames; undefined before its first byte. */
  framed: boolean | undefined;
  /** Request id of the last frame; 0 with lines. */
  requestId = 0;
  #start = 0;
  #end = 0;
  /** End of the range without a line feed. */
  #scanned = 0;

  /** Whether no bytes of a further message have arrived. */
  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** Where to read into next; never empty. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#start === this.#end) this.#reset();
    else if (this.#end === this.bytes.length) this.#makeRoom();
    return this.#end === 0 ? this.bytes : this.bytes.subarray(this.#end);
  }

  /** Adds `count` bytes that were read into {@linkcode space}. */
  commit(count: number): void {
    this.framed ??= this.bytes[this.#start] === FRAME_FIRST_BYTE;
    this.#end += count;
  }

  next(): InboxStep {
    return this.framed ? this.#nextFrame() : this.#nextLine();
  }

  /** Call at the end of the stream: treats the rest as a line. */
  last(): InboxStep {
    if (this.framed || this.isEmpty) return "more";
    return this.#foundLine(this.#end, this.#end);
  }

  #nextLine(): InboxStep {
    while (this.#start < this.#end) {
      const at = this.bytes.indexOf(LINE_FEED, Math.max(this.#scanned, this.#start));
      if (at === -1 || at >= this.#end) {
        this.#scanned = this.#end;
        // one more byte is allowed for a carriage return
        return this.#end - this.#start > MAX_LINE_BYTES + 1 ? "line_too_long" : "more";
      }
      const step = this.#foundLine(at, at + 1);
      if (step !== "more") return step;
    }
    return "more";
  }

  /** `more` for an empty line, which is skipped. */
  #foundLine(end: number, following: number): InboxStep {
    this.from = this.#start;
    this.to = end > this.from && this.bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    this.#start = following;
    if (this.to === this.from) return "more";
    return this.to - this.from > MAX_LINE_BYTES ? "line_too_long" : "message";
  }

  #nextFrame(): InboxStep {
    const held = this.#end - this.#start;
    if (held < FRAME_HEADER_BYTES) return "more";
    const header = readFrameHeader(this.bytes, this.#start);
    const isRequest = header.magic === FRAME_MAGIC && header.version === FRAME_VERSION &&
      header.kind === FRAME_KIND.request;
    this.requestId = header.magic === FRAME_MAGIC ? header.requestId : 0;
    if (!isRequest) return "bad_header";
    if (header.payloadBytes > MAX_PAYLOAD_BYTES) return "payload_too_long";
    if (held < FRAME_HEADER_BYTES + header.payloadBytes) return "more";
    this.from = this.#start + FRAME_HEADER_BYTES;
    this.to = this.#start = this.from + header.payloadBytes;
    return "message";
  }

  #reset(): void {
    this.#start = this.#end = this.#scanned = 0;
    if (this.bytes.length > SMALL_BYTES) this.bytes = new Uint8Array(SMALL_BYTES);
  }

  /** Moves buffered bytes to the front; doubles the buffer if it is more than half full. */
  #makeRoom(): void {
    const held = this.bytes.subarray(this.#start, this.#end);
    const target = held.length * 2 > this.bytes.length
      ? new Uint8Array(this.bytes.length * 2)
      : this.bytes;
    target.set(held);
    this.bytes = target;
    this.#scanned = Math.max(0, this.#scanned - this.#start);
    this.#start = 0;
    this.#end = held.length;
  }
}

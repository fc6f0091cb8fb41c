import { IpcClientError } from "./errors.ts";
import { MAX_PAYLOAD_BYTES } from "./limits.ts";

const LINE_FEED = 0x0a;

/** Takes the lines off a stream, each at most 10 MiB. */
export class LineReader {
  #bytes = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  constructor(readonly source: { read(into: Uint8Array): Promise<number | null> }) {}

  /**
   * The next line without its end, valid until the next call; `undefined` at the end of the stream, also in the middle of
   * a line.
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

import type { ServerResponse } from "node:http";
import type { LendBlock, OutputItem, StreamName } from "../core/output_item.ts";
import { encodeControl, encodeFrame, HEADER_BYTES, writeHeader } from "./frames.ts";
import type { ProcessView } from "./processes.ts";
import type { OutputQuery } from "./requests.ts";
import { toStatus } from "./wire.ts";

interface SendOutputOptions {
  readonly stream: OutputQuery["stream"];
  /** Where the items' bytes may lie. */
  readonly memory: FrameMemory;
  /** The process as the last frame tells it. */
  readonly lastView: () => Promise<ProcessView | undefined>;
  readonly onSent: (bytes: number) => void;
}

const BLOCK_BYTES = 256 * 1024;

/** Shorter frames are copied: they may wait in the runtime's buffer, which a block must not. */
const SHORTEST_IN_PLACE_BYTES = 16 * 1024;

/** Two blocks of memory, lent in turns, with room for a header in front: what is read there is sent without a copy. */
export class FrameMemory {
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  #turn = 0;

  /** Lends the block that was lent before the last one. */
  readonly lend: LendBlock = () => {
    this.#turn = 1 - this.#turn;
    const block = this.#blocks[this.#turn] ??= new Uint8Array(HEADER_BYTES + BLOCK_BYTES);
    return block.subarray(HEADER_BYTES);
  };

  /** Whether these bytes lie in a block, and are overwritten when it is lent again. */
  has({ buffer }: Uint8Array): boolean {
    return this.#blocks.some((block) => block.buffer === buffer);
  }

  /** A frame of these bytes: in place if they are long and begin a block, else a copy. */
  frame(stream: StreamName, bytes: Uint8Array): Uint8Array {
    const isInPlace = bytes.length >= SHORTEST_IN_PLACE_BYTES && this.has(bytes) &&
      bytes.byteOffset === HEADER_BYTES;
    if (!isInPlace) return encodeFrame(stream, bytes);
    const frame = new Uint8Array(bytes.buffer, 0, HEADER_BYTES + bytes.length);
    writeHeader(frame, stream);
    return frame;
  }
}

/**
 * Sends output frame by frame at the reader's pace: one item is asked for while the one before is on its way, so a reader
 * that stalls costs the runtime's buffer and two items. Ends without a last frame where the reader is gone.
 */
export async function sendOutput(
  items: AsyncIterable<OutputItem>,
  response: ServerResponse,
  options: SendOutputOptions,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const { value: item, done } = await next;
      if (done || response.destroyed) return;
      const frame = await frameOf(item, options);
      next = iterator.next();
      // it is awaited later, if at all
      next.catch(() => {});
      if (frame !== undefined) await send(frame, response, options.memory);
      options.onSent(frame?.length ?? 0);
    }
  } finally {
    await iterator.return?.();
  }
}

async function frameOf(
  item: OutputItem,
  { stream, memory, lastView }: SendOutputOptions,
): Promise<Uint8Array | undefined> {
  switch (item.kind) {
    case "bytes":
      return stream === "both" || stream === item.stream
        ? memory.frame(item.stream, item.bytes)
        : undefined;
    case "gap":
      return encodeControl({ gap: { from: item.from, to: item.to } });
    case "fault":
      return encodeControl({ fault: { at: item.at, message: item.message } });
    case "end": {
      const view = await lastView();
      return view && encodeControl({ end: toStatus(view) });
    }
  }
}

/** Resolves when the next frame may come, or when nobody reads any more. */
async function send(
  frame: Uint8Array,
  response: ServerResponse,
  memory: FrameMemory,
): Promise<void> {
  if (!memory.has(frame)) {
    if (!response.write(frame)) await writable(response);
    return;
  }
  await new Promise<void>((resolve) => {
    response.once("close", resolve);
    response.write(frame, () => {
      response.off("close", resolve);
      resolve();
    });
  });
}

/** Resolves when more may be written, or when nobody reads any more. */
export function writable(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

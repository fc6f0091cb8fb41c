import type { ServerResponse } from "node:http";
import type { LendBlock, OutputItem, StreamName } from "../core/output_item.ts";
import { encodeControl, encodeOutputFrame, HEADER_BYTES, writeHeader } from "./frames.ts";
import type { ProcessView } from "../core/process.ts";
import type { OutputQuery } from "./requests.ts";
import { toStatus } from "./wire.ts";

interface SendOutputOptions {
  readonly stream: OutputQuery["stream"];
  /** Memory that the items' bytes may be in. */
  readonly memory: FrameMemory;
  /** Returns the process for the last frame. */
  readonly lastView: () => Promise<ProcessView | undefined>;
  /** Whether the client may not see the arguments of processes. */
  readonly hidesArguments: boolean;
  readonly onSent: (bytes: number) => void;
}

const BLOCK_BYTES = 256 * 1024;

/** Shorter frames are copied, so that they can be queued in the runtime's buffer. */
const SHORTEST_IN_PLACE_BYTES = 16 * 1024;

/** Two blocks of memory that are lent in turn, with room for a header, so that output is sent without copying. */
export class FrameMemory {
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  #turn = 0;

  /** Lends the block that was not lent last. */
  readonly lend: LendBlock = () => {
    this.#turn = 1 - this.#turn;
    const block = this.#blocks[this.#turn] ??= new Uint8Array(HEADER_BYTES + BLOCK_BYTES);
    return block.subarray(HEADER_BYTES);
  };

  /** Whether the bytes are in a block, which is overwritten when it is lent again. */
  has({ buffer }: Uint8Array): boolean {
    return this.#blocks.some((block) => block.buffer === buffer);
  }

  /** Encodes a frame: in place if the bytes are long and start a block, else a copy. */
  frame(stream: StreamName, bytes: Uint8Array): Uint8Array {
    const isInPlace = bytes.length >= SHORTEST_IN_PLACE_BYTES && this.has(bytes) &&
      bytes.byteOffset === HEADER_BYTES;
    if (!isInPlace) return encodeOutputFrame(stream, bytes);
    const frame = new Uint8Array(bytes.buffer, 0, HEADER_BYTES + bytes.length);
    writeHeader(frame, stream);
    return frame;
  }
}

/**
 * Sends output frame by frame at the reader's pace. Requests the next item while one is being sent, so a stalled reader costs
 * the runtime's buffer and two items. Ends without a last frame if the reader disconnects.
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
      const frame = await encodeItem(item, options);
      next = iterator.next();
      // prevents an unhandled rejection if it is never awaited
      next.catch(() => {});
      if (frame !== undefined) await send(frame, response, options.memory);
      options.onSent(frame?.length ?? 0);
    }
  } finally {
    await iterator.return?.();
  }
}

async function encodeItem(
  item: OutputItem,
  { stream, memory, lastView, hidesArguments }: SendOutputOptions,
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
      return view && encodeControl({ end: toStatus(view, { hidesArguments }) });
    }
  }
}

/** Resolves when the next frame may be sent or the connection is closed. */
async function send(
  frame: Uint8Array,
  response: ServerResponse,
  memory: FrameMemory,
): Promise<void> {
  if (!memory.has(frame)) {
    if (!response.write(frame)) await waitForDrain(response);
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

/** Resolves when more may be written or the connection is closed. */
export function waitForDrain(response: ServerResponse): Promise<void> {
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

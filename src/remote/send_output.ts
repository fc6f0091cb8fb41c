import type { ServerResponse } from "node:http";
import { encodeControl, encodeFrame, HEADER_BYTES, writeHeader } from "./frames.ts";
import type { OutputItem, ProcessView } from "./processes.ts";
import type { OutputQuery } from "./requests.ts";
import { toStatus } from "./wire.ts";

interface SendOutputOptions {
  readonly stream: OutputQuery["stream"];
  /** The process as the last frame tells it. */
  readonly lastView: () => Promise<ProcessView | undefined>;
  readonly onSent: (bytes: number) => void;
}

/** Shorter ones are copied: they may wait in the runtime's buffer, which a lent one may not. */
const LENT_BYTES = 16 * 1024;

interface Frame {
  readonly bytes: Uint8Array;
  /** Whether it is to be sent before its memory is used again. */
  readonly isLent: boolean;
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
      if (frame !== undefined) await send(frame, response);
      options.onSent(frame?.bytes.length ?? 0);
    }
  } finally {
    await iterator.return?.();
  }
}

async function frameOf(
  item: OutputItem,
  { stream, lastView }: SendOutputOptions,
): Promise<Frame | undefined> {
  switch (item.kind) {
    case "bytes":
      return stream === "both" || stream === item.stream ? frameOfBytes(item) : undefined;
    case "gap":
      return control({ gap: { from: item.from, to: item.to } });
    case "fault":
      return control({ fault: { at: item.at, message: item.message } });
    case "end": {
      const view = await lastView();
      return view && control({ end: toStatus(view) });
    }
  }
}

function control(message: unknown): Frame {
  return { bytes: encodeControl(message), isLent: false };
}

function frameOfBytes(
  { stream, bytes, headroom }: Extract<OutputItem, { kind: "bytes" }>,
): Frame {
  if (headroom < HEADER_BYTES || bytes.length < LENT_BYTES) {
    return { bytes: encodeFrame(stream, bytes), isLent: false };
  }
  const start = bytes.byteOffset - HEADER_BYTES;
  const frame = new Uint8Array(bytes.buffer, start, HEADER_BYTES + bytes.length);
  writeHeader(frame, stream);
  return { bytes: frame, isLent: true };
}

/** Resolves when the next frame may come, or when nobody reads any more. */
async function send({ bytes, isLent }: Frame, response: ServerResponse): Promise<void> {
  if (!isLent) {
    if (!response.write(bytes)) await writable(response);
    return;
  }
  await new Promise<void>((resolve) => {
    response.once("close", resolve);
    response.write(bytes, () => {
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

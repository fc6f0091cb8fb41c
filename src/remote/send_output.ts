import type { ServerResponse } from "node:http";
import { encodeControl, encodeFrame } from "./frames.ts";
import type { OutputItem, ProcessView } from "./processes.ts";
import type { OutputQuery } from "./requests.ts";
import { toStatus } from "./wire.ts";

export interface SendOutputOptions {
  readonly stream: OutputQuery["stream"];
  /** The process as the last frame tells it. */
  readonly lastView: () => Promise<ProcessView | undefined>;
  readonly onSent: (bytes: number) => void;
}

/**
 * Sends output frame by frame at the reader's pace: the next item is asked for when the one before is on its way, so a
 * reader that stalls costs the runtime's buffer and one item. Ends without a last frame where the reader is gone.
 */
export async function sendOutput(
  items: AsyncIterable<OutputItem>,
  response: ServerResponse,
  options: SendOutputOptions,
): Promise<void> {
  for await (const item of items) {
    const frame = await frameOf(item, options);
    if (frame === undefined) continue;
    if (response.destroyed) return;
    options.onSent(frame.length);
    if (!response.write(frame)) await writable(response);
  }
}

async function frameOf(
  item: OutputItem,
  { stream, lastView }: SendOutputOptions,
): Promise<Uint8Array | undefined> {
  switch (item.kind) {
    case "bytes":
      return stream === "both" || stream === item.stream
        ? encodeFrame(item.stream, item.bytes)
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

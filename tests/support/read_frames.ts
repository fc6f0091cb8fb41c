import { FrameDecoder } from "../../src/remote/frames.ts";

/** What a stream of output told. */
export interface ReadFrames {
  stdout: string;
  stderr: string;
  control: Record<string, unknown>[];
}

/** Reads a multiplexed stream to its end. */
export async function readFrames(response: Response): Promise<ReadFrames> {
  const decoder = new FrameDecoder(), utf8 = new TextDecoder();
  const read: ReadFrames = { stdout: "", stderr: "", control: [] };
  for await (const chunk of response.body!) {
    for (const piece of decoder.decode(chunk)) {
      if (piece.kind === "control") read.control.push(JSON.parse(piece.text));
      else read[piece.kind] += utf8.decode(piece.bytes);
    }
  }
  return read;
}

/** The items of an output stream. */
export interface ReadFrames {
  stdout: string;
  stderr: string;
  control: Record<string, unknown>[];
}

/** Reads a multiplexed stream to its end: u8 kind, three zero bytes, u32 length, big-endian, then so many bytes. */
export async function readFrames(response: Response): Promise<ReadFrames> {
  const bytes = await response.bytes(), view = new DataView(bytes.buffer);
  const utf8 = new TextDecoder();
  const read: ReadFrames = { stdout: "", stderr: "", control: [] };
  for (let at = 0; at < bytes.length;) {
    const kind = view.getUint32(at), end = at + 8 + view.getUint32(at + 4);
    const text = utf8.decode(bytes.subarray(at + 8, end));
    if (kind === 0x0100_0000) read.stdout += text;
    else if (kind === 0x0200_0000) read.stderr += text;
    else if (kind === 0x0300_0000) read.control.push(JSON.parse(text));
    else throw new TypeError(`no such kind of frame: ${kind}`);
    at = end;
  }
  return read;
}

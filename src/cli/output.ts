/** Where text for people and programs goes: the only door to the standard streams. */
export interface Output {
  /** Writes a result and a newline to standard output. */
  result(text: string): void;
  /** Writes a line to standard error; never throws. */
  note(text: string): void;
  /** Writes bytes as they are; false where nobody reads them any more. */
  forward(stream: "stdout" | "stderr", bytes: Uint8Array): boolean;
}

const UTF8 = new TextEncoder();

export const standardOutput: Output = {
  result: (text) => void writeAll(Deno.stdout, UTF8.encode(text + "\n")),
  note(text) {
    try {
      writeAll(Deno.stderr, UTF8.encode(text + "\n"));
    } catch {
      // there is nobody left to tell: the exit status has to do
    }
  },
  forward: (stream, bytes) => writeAll(Deno[stream], bytes),
};

/** A reader that has gone away (`sentinel … | head`) is no error of ours; whether it is there. */
function writeAll(stream: { writeSync(data: Uint8Array): number }, bytes: Uint8Array): boolean {
  let rest = bytes;
  try {
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

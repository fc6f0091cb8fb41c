/** Where text for people and programs goes: the only door to the standard streams. */
export interface Output {
  /** Writes a result and a newline to standard output. */
  result(text: string): void;
  /** Writes a line to standard error. */
  note(text: string): void;
}

const UTF8 = new TextEncoder();

export const standardOutput: Output = {
  result: (text) => writeAll(Deno.stdout, text + "\n"),
  note: (text) => writeAll(Deno.stderr, text + "\n"),
};

/** A reader that has gone away (`sentinel … | head`) is no error of ours. */
function writeAll(stream: { writeSync(data: Uint8Array): number }, text: string): void {
  let rest = UTF8.encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Whether standard error is a terminal that wants colour (https://no-color.org). */
export function wantsColor(): boolean {
  return Deno.stderr.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "";
}

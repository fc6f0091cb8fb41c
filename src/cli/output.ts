import { describeError, SentinelError } from "../core/errors.ts";
import { writeAllSync } from "../core/files.ts";

/**
 * Where text for people and programs goes: the only door to the standard streams. What cannot be written there throws a
 * {SentinelError}, `config.output`.
 */
export interface Output {
  /** Writes a result and a newline to standard output. */
  result(text: string): void;
  /** Writes a line to standard error; never throws. */
  note(text: string): void;
  /** Writes bytes as they are; false where nobody reads them any more. */
  forward(stream: "stdout" | "stderr", bytes: Uint8Array): boolean;
}

const UTF8 = new TextEncoder();
const NAMES = { stdout: "standard output", stderr: "standard error" } as const;

export const standardOutput: Output = {
  result: (text) => void writeTo("stdout", UTF8.encode(text + "\n")),
  note(text) {
    try {
      writeTo("stderr", UTF8.encode(text + "\n"));
    } catch {
      // there is nobody left to tell: the exit status has to do
    }
  },
  forward: (stream, bytes) => writeTo(stream, bytes),
};

/** A reader that has gone away (`sentinel … | head`) is no error of ours; whether it is there. */
function writeTo(stream: keyof typeof NAMES, bytes: Uint8Array): boolean {
  try {
    writeAllSync(Deno[stream], bytes);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    const message = `${NAMES[stream]} cannot be written: ${describeError(error)}`;
    throw new SentinelError("config.output", message, { cause: error });
  }
}

import { describeError, SentinelError } from "../core/errors.ts";
import { writeAllSync } from "../core/files.ts";

/**
 * Standard output and standard error; nothing else writes to them.
 *
 * @throws {SentinelError} `config.output` if a write fails.
 */
export interface Output {
  /** Writes a result and a newline to standard output. */
  result(text: string): void;
  /** Writes a line to standard error; never throws. */
  note(text: string): void;
  /** Writes bytes unchanged. Returns false if the reading end is closed. */
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
      // nowhere left to report it; the exit status still does
    }
  },
  forward: (stream, bytes) => writeTo(stream, bytes),
};

/** Returns false on EPIPE, which is not an error (`sentinel … | head`). */
function writeTo(stream: keyof typeof NAMES, bytes: Uint8Array): boolean {
  try {
    writeAllSync(Deno[stream], bytes);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    const message = `cannot write to ${NAMES[stream]}: ${describeError(error)}`;
    throw new SentinelError("config.output", message, { cause: error });
  }
}

import { type LineReader, type ProgramResult, startProgram } from "./program.ts";

/** A `vendor serve` that listens; stopped at the end where the test did not do it. */
export interface ServingProgram extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly stderr: LineReader;
  /** Sends a signal and waits for the end. */
  stop(signal: Deno.Signal): Promise<ProgramResult>;
}

/** Starts `sentinel vendor serve` and waits for its line; fails with what it said where it ends before that. */
export async function serveLicenses(...args: string[]): Promise<ServingProgram> {
  const program = startProgram(["vendor", "serve", ...args]);
  try {
    const [, url] = await program.stdout.match(/^listening on (\S+)\n/);
    return {
      url: url!,
      pid: program.pid,
      stderr: program.stderr,
      stop(signal) {
        program.kill(signal);
        return program.end();
      },
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  } catch (cause) {
    throw new Error(`the server ended: ${JSON.stringify(await program.end())}`, { cause });
  }
}

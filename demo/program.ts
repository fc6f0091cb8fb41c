/** A program that the demo runs: its lines as they arrive, and its end. */
export class Program {
  /** The exit status, after all its lines have been passed on. */
  readonly ended: Promise<number>;
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  #seen = 0;
  #over = false;
  #changed = Promise.withResolvers<void>();

  /** @param tell Called with each line of its standard output and error. */
  constructor(child: Deno.ChildProcess, tell: (line: string) => void) {
    this.#child = child;
    const streams = [child.stdout, child.stderr].map((stream) => this.#read(stream, tell));
    this.ended = Promise.all([child.status, ...streams]).then(([{ code }]) => {
      this.#over = true;
      this.#announce();
      return code;
    });
  }

  /**
   * Waits for the next line that matches, after the one found last.
   *
   * @throws {Error} if the program ends without it.
   */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      while (this.#seen >= this.#lines.length) {
        if (this.#over) throw new Error(`the program ended without a line like ${pattern}`);
        await this.#changed.promise;
      }
      const found = pattern.exec(this.#lines[this.#seen++]!);
      if (found !== null) return found;
    }
  }

  /** Sends a signal; does nothing if it has ended. */
  signal(name: Deno.Signal): void {
    try {
      this.#child.kill(name);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, tell: (line: string) => void) {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#take(lines, tell);
    }
    if (rest !== "") this.#take([rest], tell);
  }

  #take(lines: readonly string[], tell: (line: string) => void): void {
    for (const line of lines) tell(line);
    this.#lines.push(...lines);
    this.#announce();
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

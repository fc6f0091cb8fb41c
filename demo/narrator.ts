import { commandLines } from "./shell_words.ts";

const BOLD = "\x1b[1m", DIM = "\x1b[2m", PLAIN = "\x1b[0m";

const UTF8 = new TextEncoder();

/** Prints steps, commands and their output; in color only on a terminal that supports it. */
export class Narrator {
  readonly #colored = Deno.stdout.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "";
  readonly #onGone: () => void;
  #steps = 0;

  /** @param onGone Called when the reader has closed standard output (`… | head`). */
  constructor(onGone: () => void) {
    this.#onGone = onGone;
  }

  /** Prints a line. */
  say(text: string): void {
    this.#write(text);
  }

  /** Prints the next step. */
  step(text: string): void {
    this.#write("");
    this.#write(this.#paint(BOLD, `${++this.#steps}. ${text}`));
  }

  /** Prints a command as a user would type it. */
  command(args: readonly string[]): void {
    for (const line of commandLines(["sentinel", ...args])) this.#write(line);
  }

  /** Prints a line of a command's output. */
  output(line: string): void {
    this.#write(this.#paint(DIM, `   ${line}`));
  }

  #paint(style: string, text: string): string {
    return this.#colored ? style + text + PLAIN : text;
  }

  #write(text: string): void {
    let rest = UTF8.encode(text + "\n");
    try {
      while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      this.#onGone();
    }
  }
}

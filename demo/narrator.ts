import { commandLines } from "./shell_words.ts";

const BOLD = "\x1b[1m", DIM = "\x1b[2m", PLAIN = "\x1b[0m";

const UTF8 = new TextEncoder();

/** Tells the story on standard output: steps, commands and what they say. Color only on a terminal that wants it. */
export class Narrator {
  readonly #colored = Deno.stdout.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "";
  readonly #onGone: () => void;
  #steps = 0;

  /** @param onGone Called when nobody reads any more (`… | head`). */
  constructor(onGone: () => void) {
    this.#onGone = onGone;
  }

  /** A line of its own. */
  say(text: string): void {
    this.#write(text);
  }

  /** The next step, in one line. */
  step(text: string): void {
    this.#write("");
    this.#write(this.#paint(BOLD, `${++this.#steps}. ${text}`));
  }

  /** A command as it would be typed. */
  command(args: readonly string[]): void {
    for (const line of commandLines(["sentinel", ...args])) this.#write(line);
  }

  /** A line that a command wrote. */
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

import type { Doubles } from "./doubles.ts";

/** Doubles that give programs the clocks of a {@linkcode MachineClock}. */
const CLOCKS: Doubles = {
  "src/core/clock.ts": "set_clock.ts",
  "src/platform/linux/syscalls.ts": "set_boot_clock.ts",
};

/** The clocks of the machine that programs of a test run on: time passes as it says, timers take as long as ever. */
export class MachineClock {
  readonly #path: string;
  #passedMs = 0;
  #wrongMs = 0;

  /** @param path A file of its own. */
  constructor(path: string) {
    this.#path = path;
    this.#write();
  }

  /** So much time goes by, whatever runs meanwhile. */
  pass(ms: number): void {
    this.#passedMs += ms;
    this.#write();
  }

  /** Has the wall clock go wrong by so much; negative where it is behind. */
  setWrong(ms: number): void {
    this.#wrongMs = ms;
    this.#write();
  }

  /** Options for programs of this machine, other doubles among them. */
  with(doubles: Doubles = {}): { doubles: Doubles; env: Record<string, string> } {
    return { doubles: { ...CLOCKS, ...doubles }, env: { MACHINE_CLOCK: this.#path } };
  }

  #write(): void {
    const offsets = { wallMs: this.#passedMs + this.#wrongMs, passedMs: this.#passedMs };
    Deno.writeTextFileSync(`${this.#path}.new`, JSON.stringify(offsets));
    Deno.renameSync(`${this.#path}.new`, this.#path);
  }
}

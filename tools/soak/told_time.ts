import { systemClock } from "../../src/core/clock.ts";

const HOUR_MS = 3_600_000;

/**
 * The hours that have gone by for all programs of a soak, in a file that they read (`sentinel_in_told_time.ts`). They pass
 * one at a time, quicker than real ones, so that days of grace fit into a minute.
 */
export class ToldTime {
  #hour = 0;
  #passed = Promise.withResolvers<void>();

  private constructor(readonly path: string) {}

  /** Begins with the hour 0. */
  static async begin(path: string): Promise<ToldTime> {
    const time = new ToldTime(path);
    await time.#tell();
    return time;
  }

  get hour(): number {
    return this.#hour;
  }

  /** Lets one hour go by after the other, until aborted. */
  async run(signal: AbortSignal, { everyMs }: { everyMs: number }): Promise<void> {
    for (;;) {
      await systemClock.sleep(everyMs, signal);
      if (signal.aborted) return;
      this.#hour++;
      await this.#tell();
    }
  }

  /** Waits for an hour to begin. */
  async waitUntil(hour: number): Promise<void> {
    while (this.#hour < hour) await this.#passed.promise;
  }

  /** Readers find a complete number: the old one or the new one. */
  async #tell(): Promise<void> {
    await Deno.writeTextFile(`${this.path}.new`, `${this.#hour}\n`);
    await Deno.rename(`${this.path}.new`, this.path);
    this.#passed.resolve();
    this.#passed = Promise.withResolvers();
  }
}

/** The told hour of a time that a program saw, where the real time is known; both milliseconds since the Unix epoch. */
export function hourOf({ toldMs, realMs }: { toldMs: number; realMs: number }): number {
  return Math.round((toldMs - realMs) / HOUR_MS);
}

import type { SystemUnderTest } from "../system.ts";

/** Something that goes wrong, with all that was drawn for it. */
export interface Fault {
  /** What happens, in words that hold everything that was drawn. */
  readonly words: string;
  /** Why it cannot be made to happen here; `undefined` where it can. */
  readonly whyNot?: (system: SystemUnderTest) => string | undefined;
  /** Makes it happen and, where it passes, waits for that; it passes early when aborted. */
  inflict(system: SystemUnderTest, signal: AbortSignal): Promise<void>;
}

/** What faults are drawn from. */
export interface Draw {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** How many `sentinel run` there are. */
  readonly runs: number;
}

/** A kind of fault, one file each. */
export interface FaultKind {
  /** How often it happens, against the others. */
  readonly weight: number;
  draw(draw: Draw): Fault;
}

/** One of these. */
export function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}

/** A whole number, both ends included. */
export function between(least: number, most: number, random: () => number): number {
  return least + Math.floor(random() * (most - least + 1));
}

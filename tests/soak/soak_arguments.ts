import { parseArgs } from "@std/cli/parse-args";

/** What the task was asked for. */
export interface SoakArguments {
  readonly minutes: number;
  /** `undefined` for any. */
  readonly seed: number | undefined;
  readonly runs: number;
  /** Whether each fault is to be printed. */
  readonly faults: boolean;
  readonly help: boolean;
}

/** How the task is called. */
export const USAGE = `deno task soak [--minutes N] [--seed N] [--runs N] [--faults]

Runs a vendor's server, N \`sentinel run\` (10), a daemon and its operators for N minutes (2), in which they are killed,
paused, cut off, and find their disks full and their clocks wrong. Then everything is stopped, and every invariant is
checked. The same seed repeats the same faults; --faults prints each of them. Ctrl-C ends it early, with all checks.`;

/** Reads the arguments; a text where they are not understood. */
export function parseSoakArguments(args: readonly string[]): SoakArguments | string {
  const unknown: string[] = [];
  const { minutes = "2", seed, runs = "10", faults, help } = parseArgs([...args], {
    string: ["minutes", "seed", "runs"],
    boolean: ["help", "faults"],
    unknown: (word) => {
      unknown.push(word);
      return false;
    },
  }) as Readonly<Record<string, string | boolean | undefined>>;
  if (unknown.length > 0) return `unknown argument: ${unknown[0]}`;
  const wrong = Object.entries({ minutes, runs, ...(seed !== undefined && { seed }) })
    .find(([name, text]) =>
      !(name === "minutes" ? /^\d*\.?\d+$/ : /^[1-9]\d*$/).test(String(text))
    );
  if (wrong !== undefined) {
    return `--${wrong[0]} must be a number above 0: current value is ${wrong[1]}`;
  }
  return {
    minutes: Number(minutes),
    seed: seed === undefined ? undefined : Number(seed),
    runs: Number(runs),
    faults: faults === true,
    help: help === true,
  };
}

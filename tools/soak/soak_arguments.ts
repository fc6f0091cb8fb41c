import { parseArgs } from "@std/cli/parse-args";

/** What the task was asked for. */
export interface SoakArguments {
  readonly minutes: number;
  /** `undefined` for any. */
  readonly seed: number | undefined;
  readonly runs: number;
  /** Hours of told time without the vendor in the end; 0 for none. */
  readonly outageHours: number;
  /** Whether each fault is to be printed. */
  readonly faults: boolean;
  readonly help: boolean;
}

/** How the task is called. */
export const USAGE =
  `deno task soak [--minutes N] [--seed N] [--runs N] [--outage-hours N] [--faults]

Runs a vendor's server, N \`sentinel run\` (10), a daemon and its operators for N minutes (2), in which they are killed,
paused, cut off, and find their disks full and their clocks wrong. Then nobody reaches the vendor for N hours (48, in which
the shortest grace ends; they pass in a quarter of a minute), everything is stopped, and every invariant is checked.
The same seed repeats the same faults; --faults prints each of them. Ctrl-C ends it early, with all checks.`;

const DEFAULTS = { minutes: "2", runs: "10", "outage-hours": "48" };

/** What each number looks like, and how that is said. */
const FORMS: Readonly<Record<string, readonly [RegExp, string]>> = {
  "minutes": [/^\d*\.?\d+$/, "a number"],
  "runs": [/^[1-9]\d*$/, "a whole number above 0"],
  "outage-hours": [/^\d+$/, "a whole number"],
  "seed": [/^\d+$/, "a whole number"],
};

/** Reads the arguments; a text where they are not understood. */
export function parseSoakArguments(args: readonly string[]): SoakArguments | string {
  const unknown: string[] = [];
  const parsed: Readonly<Record<string, unknown>> = {
    ...DEFAULTS,
    ...parseArgs(args, {
      string: Object.keys(FORMS),
      boolean: ["help", "faults"],
      unknown: (word) => {
        unknown.push(word);
        return false;
      },
    }),
  };
  if (unknown.length > 0) return `unknown argument: ${unknown[0]}`;
  for (const [name, [form, words]] of Object.entries(FORMS)) {
    const text = parsed[name];
    if (text === undefined || form.test(String(text))) continue;
    return `--${name} must be ${words}: current value is ${text}`;
  }
  return {
    minutes: Number(parsed["minutes"]),
    seed: parsed["seed"] === undefined ? undefined : Number(parsed["seed"]),
    runs: Number(parsed["runs"]),
    outageHours: Number(parsed["outage-hours"]),
    faults: parsed["faults"] === true,
    help: parsed["help"] === true,
  };
}

/** An option whose value is the next argument. */
export interface ValueOption {
  readonly name: string;
  readonly letter?: string | undefined;
}

/**
 * Cuts arguments in two behind the first operand, where that is `word`: what follows is the software's. A `--` right behind
 * it is left out, as no program is named so.
 */
export function splitPassed(
  args: readonly string[],
  { word, values }: { word: string | undefined; values: readonly ValueOption[] },
): { own: readonly string[]; passed?: string[] } {
  const first = word === undefined ? -1 : firstOperand(args, values);
  if (first === -1 || args[first] !== word) return { own: args };
  const rest = args.slice(first + 1);
  return { own: args.slice(0, first + 1), passed: rest[0] === "--" ? rest.slice(1) : rest };
}

/** Its place, or -1 where there is none before `--`. */
function firstOperand(args: readonly string[], values: readonly ValueOption[]): number {
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    if (argument === "--") return -1;
    if (!argument.startsWith("-") || argument === "-") return i;
    const takesNext = values.some(({ name, letter }) =>
      argument === `--${name}` || (letter !== undefined && argument === `-${letter}`)
    );
    if (takesNext) i++;
  }
  return -1;
}

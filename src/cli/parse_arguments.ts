import type { Env } from "../core/process.ts";
import type { Command, ParsedArguments } from "./command.ts";
import { LICENSE_TEXT_VARIABLE } from "../license/license_source.ts";
import { parseArgs } from "@std/cli/parse-args";
import {
  GLOBAL_OPTIONS,
  type OptionName,
  OPTIONS,
  type OptionSpec,
  type OptionValue,
  toVariableName,
} from "./options.ts";
import { suggest, UsageError } from "./usage_error.ts";

/** An option whose value is the next argument. */
interface ValueOption {
  readonly name: string;
  readonly letter?: string | undefined;
}

/**
 * Splits the arguments after the first operand if that is `word`; the rest goes to the software. A `--` directly after
 * it is dropped, since no program has that name.
 */
function splitPassed(
  args: readonly string[],
  { word, values }: { word: string | undefined; values: readonly ValueOption[] },
): { own: readonly string[]; passed?: string[] } {
  const first = word === undefined ? -1 : findFirstOperand(args, values);
  if (first === -1 || args[first] !== word) return { own: args };
  const rest = args.slice(first + 1);
  return { own: args.slice(0, first + 1), passed: rest[0] === "--" ? rest.slice(1) : rest };
}

/** Writes `--license -` as `--license=-`: the parser takes a lone dash for an operand. */
function joinDashes(args: readonly string[], values: readonly OptionName[]): string[] {
  const end = args.indexOf("--");
  const isDash = (at: number) =>
    args[at] === "-" && (end === -1 || at < end) &&
    values.some((name) => args[at - 1] === `--${name}`);
  return args.flatMap((arg, i) => isDash(i) ? [] : isDash(i + 1) ? [`${arg}=-`] : [arg]);
}

/** Index of the first operand, or -1 if none comes before `--`. */
function findFirstOperand(args: readonly string[], values: readonly ValueOption[]): number {
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

/**
 * Parses the arguments after the command's name.
 *
 * @throws {UsageError} for an unknown option, a missing value, too few or too many operands.
 */
export function parseArguments(
  args: readonly string[],
  command: Pick<Command, "options" | "operands" | "passesArguments" | "passesAfter">,
  env: Env,
): ParsedArguments {
  const known = [...command.options, ...GLOBAL_OPTIONS];
  const values = known.filter((name) => getSpec(name).value !== undefined);
  const { own, passed } = splitPassed(args, {
    word: command.passesAfter,
    values: values.map((name) => ({ name, letter: getSpec(name).letter })),
  });
  const parsed = parseArgs(joinDashes(own, values), {
    "--": true,
    boolean: known.filter((name) => getSpec(name).value === undefined),
    string: [...values, "_"],
    collect: values,
    alias: mapLetters(known),
    unknown: (argument, key) => key === undefined || refuseOption(argument, known),
  });
  if (passed !== undefined) parsed["--"] = passed;
  const result = new Arguments(parsed, env);
  if (parsed["help"] !== true) checkOperands(result, command);
  return result;
}

class Arguments implements ParsedArguments {
  readonly operands: readonly string[];
  readonly passed: readonly string[];
  readonly licenseText: string | undefined;
  readonly #options: Record<string, unknown>;
  readonly #env: Env;

  constructor(parsed: ReturnType<typeof parseArgs>, env: Env) {
    this.operands = parsed._.map(String);
    this.passed = parsed["--"] ?? [];
    this.#options = parsed;
    this.#env = env;
    // read here, as the variable is removed from the environment before the command runs
    this.licenseText = env(LICENSE_TEXT_VARIABLE) || undefined;
  }

  flag(name: OptionName): boolean {
    if (this.#options[name] === true) return true;
    const variable = this.#env(toVariableName(name)) ?? "";
    return !["", "0", "false", "no"].includes(variable.toLowerCase());
  }

  value<Name extends OptionName>(name: Name): OptionValue<Name> | undefined {
    const value = this.values(name).at(-1);
    if (value !== undefined) checkWord(name, value);
    return value as OptionValue<Name> | undefined;
  }

  values(name: OptionName): readonly string[] {
    const given = (this.#options[name] ?? []) as string[];
    if (given.includes("")) {
      throw new UsageError(`option --${name} needs a value (${getSpec(name).value})`);
    }
    if (given.length > 0) return given;
    const variable = this.#env(toVariableName(name)) ?? "";
    return variable === "" ? [] : [variable];
  }

  required<Name extends OptionName>(name: Name): OptionValue<Name> {
    const value = this.value(name);
    if (value === undefined) {
      throw new UsageError(`--${name} is required (${getSpec(name).value}: ${getSpec(name).help})`);
    }
    return value;
  }

  integer(name: OptionName, { min, max }: { min: number; max: number }): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(
      `--${name} must be a whole number from ${min} to ${max}: current value is ${value}`,
    );
  }

  requiredInteger(name: OptionName, range: { min: number; max: number }): number {
    this.required(name);
    return this.integer(name, range)!;
  }
}

function mapLetters(known: readonly OptionName[]): Record<string, string> {
  return Object.fromEntries(known.flatMap((name) => {
    const { letter } = getSpec(name);
    return letter === undefined ? [] : [[name, letter]];
  }));
}

function getSpec(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

function checkWord(name: OptionName, value: string): void {
  const { words } = getSpec(name);
  if (words === undefined || words.includes(value)) return;
  const allowed = words.length === 2 ? words.join(" or ") : `one of ${words.join(", ")}`;
  throw new UsageError(`--${name} must be ${allowed}: current value is ${value}`);
}

function refuseOption(argument: string, known: readonly OptionName[]): never {
  const option = argument.split("=")[0]!;
  throw new UsageError(
    `unknown option: ${option}${suggest(option, known.map((name) => `--${name}`))}`,
  );
}

function checkOperands(
  args: ParsedArguments,
  { operands, passesArguments, passesAfter }: Pick<
    Command,
    "operands" | "passesArguments" | "passesAfter"
  >,
): void {
  const { min, max } = operands ?? { min: 0, max: 0 };
  const extra = args.operands[max];
  if (extra !== undefined) throw new UsageError(`unexpected argument: ${extra}`);
  if (args.operands.length < min) throw new UsageError("an argument is missing (see --help)");
  if (args.passed.length > 0 && !passesArguments && passesAfter === undefined) {
    throw new UsageError(`unexpected argument: ${args.passed[0]}`);
  }
}

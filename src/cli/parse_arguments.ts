import { parseArgs } from "@std/cli/parse-args";
import type { Command } from "./command.ts";
import {
  GLOBAL_OPTIONS,
  type OptionName,
  OPTIONS,
  type OptionSpec,
  variableOf,
} from "./options.ts";
import { nearest } from "./nearest.ts";
import { splitPassed } from "./split_passed.ts";
import { UsageError } from "./usage_error.ts";

/** A command's arguments: options beat variables. */
export interface ParsedArguments {
  readonly operands: readonly string[];
  /** What stood behind `--`, or behind the operand that the command names. */
  readonly passed: readonly string[];
  flag(name: OptionName): boolean;
  value(name: OptionName): string | undefined;
  values(name: OptionName): readonly string[];
  /** @throws {UsageError} where neither the option nor its variable is given. */
  required(name: OptionName): string;
  /** @throws {UsageError} where it is not a whole number of the range. */
  integer(name: OptionName, range: { min: number; max: number }): number | undefined;
  /** @throws {UsageError} where it is given nowhere, or is not a whole number of the range. */
  requiredInteger(name: OptionName, range: { min: number; max: number }): number;
}

/** Looks a variable up; passed in so that tests need no real environment. */
export type ReadVariable = (name: string) => string | undefined;

/**
 * Parses what stands behind the command's name.
 *
 * @throws {UsageError} for unknown options, missing values, too few or too many operands.
 */
export function parseArguments(
  args: readonly string[],
  command: Pick<Command, "options" | "operands" | "passesArguments" | "passesBehind">,
  readVariable: ReadVariable,
): ParsedArguments {
  const known = [...command.options, ...GLOBAL_OPTIONS];
  const values = known.filter((name) => specOf(name).value !== undefined);
  const { own, passed } = splitPassed(args, {
    word: command.passesBehind,
    values: values.map((name) => ({ name, letter: specOf(name).letter })),
  });
  const parsed = parseArgs(own, {
    "--": true,
    boolean: known.filter((name) => specOf(name).value === undefined),
    string: [...values, "_"],
    collect: values,
    alias: lettersOf(known),
    unknown: (argument, key) => key === undefined || refuseOption(argument, known),
  });
  if (passed !== undefined) parsed["--"] = passed;
  const result = new Arguments(parsed, readVariable);
  if (parsed["help"] !== true) checkOperands(result, command);
  return result;
}

class Arguments implements ParsedArguments {
  readonly operands: readonly string[];
  readonly passed: readonly string[];
  readonly #options: Record<string, unknown>;
  readonly #readVariable: ReadVariable;

  constructor(parsed: ReturnType<typeof parseArgs>, readVariable: ReadVariable) {
    this.operands = parsed._.map(String);
    this.passed = parsed["--"] ?? [];
    this.#options = parsed;
    this.#readVariable = readVariable;
  }

  flag(name: OptionName): boolean {
    if (this.#options[name] === true) return true;
    const variable = this.#readVariable(variableOf(name)) ?? "";
    return !["", "0", "false", "no"].includes(variable.toLowerCase());
  }

  value(name: OptionName): string | undefined {
    return this.values(name).at(-1);
  }

  values(name: OptionName): readonly string[] {
    const given = (this.#options[name] ?? []) as string[];
    if (given.includes("")) {
      throw new UsageError(`option --${name} needs a value (${specOf(name).value})`);
    }
    if (given.length > 0) return given;
    const variable = this.#readVariable(variableOf(name)) ?? "";
    return variable === "" ? [] : [variable];
  }

  required(name: OptionName): string {
    const value = this.value(name);
    if (value === undefined) {
      throw new UsageError(`--${name} is required (${specOf(name).value}: ${specOf(name).help})`);
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

function lettersOf(known: readonly OptionName[]): Record<string, string> {
  return Object.fromEntries(known.flatMap((name) => {
    const { letter } = specOf(name);
    return letter === undefined ? [] : [[name, letter]];
  }));
}

function specOf(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

function refuseOption(argument: string, known: readonly OptionName[]): never {
  const option = argument.split("=")[0]!;
  throw new UsageError(
    `unknown option: ${option}${nearest(option, known.map((name) => `--${name}`))}`,
  );
}

function checkOperands(
  args: ParsedArguments,
  { operands, passesArguments, passesBehind }: Pick<
    Command,
    "operands" | "passesArguments" | "passesBehind"
  >,
): void {
  const { min, max } = operands ?? { min: 0, max: 0 };
  const extra = args.operands[max];
  if (extra !== undefined) throw new UsageError(`unexpected argument: ${extra}`);
  if (args.operands.length < min) throw new UsageError("an argument is missing (see --help)");
  if (args.passed.length > 0 && !passesArguments && passesBehind === undefined) {
    throw new UsageError(`unexpected argument: ${args.passed[0]}`);
  }
}

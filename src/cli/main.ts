import { systemClock } from "../core/clock.ts";
import { describeCauses, describeError } from "../core/errors.ts";
import { LOG_LEVELS } from "../core/log.ts";
import { VERSION } from "../core/version.ts";
import type { Command, CommandContext, Sources } from "./command.ts";
import { COMMANDS, findCommand } from "./command_table.ts";
import { EXIT, exitCodeOf } from "./exit_codes.ts";
import { createLogger, type LogFormat } from "./logging.ts";
import { nearest } from "./nearest.ts";
import { type OptionName, OPTIONS, variableOf } from "./options.ts";
import { standardOutput } from "./output.ts";
import { parseArguments, type ParsedArguments } from "./parse_arguments.ts";
import { UsageError } from "./usage_error.ts";

const SYSTEM_SOURCES: Sources = { clock: systemClock, random: Math.random };

/** Runs the program with these arguments; the result is the exit status. Never rejects. */
export async function main(args: readonly string[], sources = SYSTEM_SOURCES): Promise<number> {
  const output = standardOutput;
  try {
    const chosen = chooseCommand(args);
    if (chosen === undefined) {
      output.result(await topLevelAnswer(args));
      return EXIT.ok;
    }
    const { command } = await COMMANDS[chosen.name]!.load();
    const parsed = parseArguments(chosen.rest, command, readVariable);
    if (parsed.flag("help")) {
      const { commandHelp } = await import("./help.ts");
      output.result(commandHelp(chosen.name, command));
      return EXIT.ok;
    }
    if (parsed.flag("version")) {
      output.result(`sentinel ${VERSION}`);
      return EXIT.ok;
    }
    return await runCommand(command, parsed, sources);
  } catch (error) {
    output.note(errorLine(error));
    return exitCodeOf(error);
  }
}

async function runCommand(
  command: Command,
  args: ParsedArguments,
  sources: Sources,
): Promise<number> {
  const level = oneOf(args, "log-level", LOG_LEVELS) ?? "info";
  const format = oneOf(args, "log-format", ["text", "json"] satisfies LogFormat[]) ?? "text";
  const log = createLogger({ level, format, write: standardOutput.note });
  const context: CommandContext = { args, output: standardOutput, log, ...sources };
  warnOfUnknownVariables(context);
  try {
    return await command.run(context);
  } catch (error) {
    await log.flush();
    standardOutput.note(errorLine(error));
    if (level === "debug") { for (const line of details(error)) standardOutput.note(line); }
    return exitCodeOf(error);
  } finally {
    await log.flush();
  }
}

/** The command to run, `undefined` where the program itself is asked (`--help`, `--version`, nothing at all). */
function chooseCommand(
  args: readonly string[],
): { name: string; rest: readonly string[] } | undefined {
  const found = findCommand(args);
  if (found !== undefined) return found;
  const [first] = args;
  if (first === undefined && readVariable(variableOf("license")) === undefined) return undefined;
  if (first === undefined || first.startsWith("-")) {
    return ["--help", "-h", "--version"].includes(first ?? "")
      ? undefined
      : { name: "run", rest: args };
  }
  if (isGroup(first) && ["--help", "-h", undefined].includes(args[1])) return undefined;
  const typed = isGroup(first) ? args.slice(0, 2).join(" ") : first;
  throw new UsageError(`unknown command: ${typed}${nearest(typed, Object.keys(COMMANDS))}`);
}

async function topLevelAnswer([first]: readonly string[]): Promise<string> {
  if (first === "--version") return `sentinel ${VERSION}`;
  const { programHelp } = await import("./help.ts");
  return programHelp(first !== undefined && isGroup(first) ? first : undefined);
}

function isGroup(word: string): boolean {
  return Object.keys(COMMANDS).some((name) => name.startsWith(word + " "));
}

function readVariable(name: string): string | undefined {
  return Deno.env.get(name);
}

function oneOf<T extends string>(
  args: ParsedArguments,
  name: OptionName,
  allowed: readonly T[],
): T | undefined {
  const value = args.value(name);
  if (value === undefined || (allowed as readonly string[]).includes(value)) {
    return value as T | undefined;
  }
  throw new UsageError(`--${name} must be one of ${allowed.join(", ")}: current value is ${value}`);
}

function warnOfUnknownVariables({ log }: CommandContext): void {
  const known = new Set<string>((Object.keys(OPTIONS) as OptionName[]).map(variableOf));
  known.add("SENTINEL_IPC_SOCKET").add("SENTINEL_PROCESS");
  for (const name of Object.keys(Deno.env.toObject())) {
    if (name.startsWith("SENTINEL_") && !known.has(name)) {
      log.warn(`unknown variable: ${name}${nearest(name, [...known])}`);
    }
  }
}

function errorLine(error: unknown): string {
  return `sentinel: error: ${describeError(error)}`;
}

function details(error: unknown): string[] {
  const causes = describeCauses(error).map((cause) => `  caused by: ${cause}`);
  const isOurs = exitCodeOf(error) !== EXIT.internal;
  return isOurs || !(error instanceof Error) ? causes : [...causes, error.stack ?? ""];
}

import type { LoadedConfig } from "../config/load.ts";
import type { Build } from "../core/build_info.ts";
import { systemClock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { describeCauses, SentinelError, unwrapError } from "../core/errors.ts";
import { VERSION } from "../core/build_info.ts";
import { escapeControls } from "../core/text.ts";
import { LICENSE_TEXT_VARIABLE } from "../license/license_source.ts";
import type { Command, CommandContext, Sources } from "./command.ts";
import { COMMANDS, findCommand } from "./command_table.ts";
import { EXIT, getExitCode } from "./exit_codes.ts";
import { describeFault } from "./exit_codes.ts";
import { UncaughtErrors } from "./last_resort.ts";
import { createLogger, logSettings } from "./logging.ts";
import { suggest } from "./usage_error.ts";
import { type OptionName, OPTIONS, toVariableName } from "./options.ts";
import { type Output, standardOutput } from "./output.ts";
import { parseArguments } from "./parse_arguments.ts";
import type { ParsedArguments } from "./command.ts";
import { UsageError } from "./usage_error.ts";

const SYSTEM_SOURCES: Sources = { clock: systemClock, random: Math.random };

/**
 * Runs the program with these arguments and resolves to its exit status. Never rejects.
 *
 * @param build Values that were built into the program.
 */
export async function main(
  args: readonly string[],
  sources: Partial<Sources> & { build?: Build } = {},
): Promise<number> {
  using lastResort = new UncaughtErrors((error) => printError(error, standardOutput));
  return await lastResort.watch(runProgram(args, { ...sources, lastResort }));
}

/** Never rejects. */
async function runProgram(
  args: readonly string[],
  { build = {}, ...sources }:
    & Partial<Sources>
    & Pick<CommandContext, "lastResort">
    & { build?: Build },
): Promise<number> {
  const output = standardOutput;
  try {
    const chosen = chooseCommand(args);
    if (chosen === undefined) {
      output.result(await answerTopLevel(args, build));
      return EXIT.ok;
    }
    const command = await COMMANDS[chosen.name]!.load();
    const parsed = parseArguments(chosen.rest, command, env);
    if (parsed.flag("help")) {
      const { formatCommandHelp } = await import("./help.ts");
      output.result(formatCommandHelp(chosen.name, command));
      return EXIT.ok;
    }
    if (parsed.flag("version")) {
      output.result(`sentinel ${VERSION}`);
      return EXIT.ok;
    }
    const status = await command.runWithoutConfig?.({ args: parsed, output });
    if (status !== undefined) return status;
    return await runCommand(command, parsed, { ...SYSTEM_SOURCES, ...sources, build });
  } catch (thrown) {
    const error = unwrapError(thrown);
    printError(error, output);
    return getExitCode(error);
  }
}

async function runCommand(
  command: Command,
  args: ParsedArguments,
  sources: Sources & Pick<CommandContext, "build" | "lastResort">,
): Promise<number> {
  const output = standardOutput;
  const config = await readConfig(command, args);
  const { level, format } = logSettings(args, config?.config.logging);
  const log = createLogger({ level, format, write: output.note });
  const context: CommandContext = { args, config, output, log, commands: COMMANDS, ...sources };
  warnOfUnknownVariables(context);
  // no other process inherits it
  Deno.env.delete(LICENSE_TEXT_VARIABLE);
  try {
    await confine(command, log);
    return await command.run(context);
  } catch (thrown) {
    const error = unwrapError(thrown);
    await log.flush();
    printError(error, output);
    if (level === "debug") { for (const line of listCauses(error)) output.note(line); }
    return getExitCode(error);
  } finally {
    await log.flush();
  }
}

/** Closes memory that will hold a private key, and then gives up the permissions that the command does not need. */
async function confine({ keeps, guardsKeyOf }: Command, log: Logger): Promise<void> {
  if (keeps === undefined) return;
  const { guardPrivateKey, keepOnly } = await import("../app/key_guard.ts");
  if (guardsKeyOf !== undefined) guardPrivateKey(guardsKeyOf, log);
  keepOnly(keeps);
}

/** Loads the configuration code only if a file is named. */
async function readConfig(
  command: Command,
  args: ParsedArguments,
): Promise<LoadedConfig | undefined> {
  const path = command.options.includes("config") ? args.value("config") : undefined;
  if (path === undefined) return undefined;
  const { loadConfig } = await import("../config/load.ts");
  try {
    return await loadConfig(path);
  } catch (error) {
    if (command.toleratesInvalidConfig) return undefined;
    throw error;
  }
}

/** Returns the command to run, or `undefined` for `--help`, `--version` and an empty command line. */
function chooseCommand(
  args: readonly string[],
): { name: string; rest: readonly string[] } | undefined {
  const found = findCommand(args);
  if (found !== undefined) return found;
  const [first] = args;
  const isNamed = (option: OptionName) => env(toVariableName(option)) !== undefined;
  const isRun = isNamed("license") || isNamed("config") ||
    env(LICENSE_TEXT_VARIABLE) !== undefined;
  if (first === undefined && !isRun) return undefined;
  if (first === undefined || first.startsWith("-")) {
    return ["--help", "-h", "--version"].includes(first ?? "")
      ? undefined
      : { name: "run", rest: args };
  }
  if (isGroup(first) && ["--help", "-h", undefined].includes(args[1])) return undefined;
  const typed = isGroup(first) ? args.slice(0, 2).join(" ") : first;
  throw new UsageError(`unknown command: ${typed}${suggest(typed, Object.keys(COMMANDS))}`);
}

async function answerTopLevel(args: readonly string[], build: Build): Promise<string> {
  const [first] = args;
  if (first === "--version") {
    if (args[1] !== "--json") return `sentinel ${VERSION}`;
    const { describeVersion } = await import("./help.ts");
    return JSON.stringify(await describeVersion(build));
  }
  const { formatProgramHelp } = await import("./help.ts");
  return formatProgramHelp(first !== undefined && isGroup(first) ? first : undefined);
}

function isGroup(word: string): boolean {
  return Object.keys(COMMANDS).some((name) => name.startsWith(word + " "));
}

function env(name: string): string | undefined {
  return Deno.env.get(name);
}

function warnOfUnknownVariables({ log }: CommandContext): void {
  const known = new Set<string>((Object.keys(OPTIONS) as OptionName[]).map(toVariableName));
  known.add("SENTINEL_IPC_SOCKET").add("SENTINEL_PROCESS").add(LICENSE_TEXT_VARIABLE);
  for (const name of Object.keys(Deno.env.toObject())) {
    if (name.startsWith("SENTINEL_") && !known.has(name)) {
      log.warn(`unknown variable: ${name}${suggest(name, [...known])}`);
    }
  }
}

/** Prints one line, and one more for each detail, such as the mistakes in a file. */
function printError(error: unknown, { note }: Output): void {
  note(escapeControls(`sentinel: error: ${describeFault(error)}`));
  if (error instanceof SentinelError) {
    for (const line of error.details) note(escapeControls(line));
  }
}

function listCauses(error: unknown): string[] {
  const chain = describeCauses(error).map((cause) => `  caused by: ${cause}`);
  const isOurs = getExitCode(error) !== EXIT.internal;
  return isOurs || !(error instanceof Error) ? chain : [...chain, error.stack ?? ""];
}

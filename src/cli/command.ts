import type { Permission } from "../app/key_guard.ts";
import type { ProgramName } from "../app/signals.ts";
import type { Host } from "../platform/host.ts";
import type { Build } from "../core/build_info.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { LastResort } from "./last_resort.ts";
import type { ConfigurableLog } from "../core/log.ts";
import type { OptionName, OptionValue } from "./options.ts";
import type { Output } from "./output.ts";

/** Clock and randomness; a test may replace them. */
export type Sources = Pick<Host, "clock" | "random">;

/** Everything a command may use. */
export interface CommandContext extends Sources {
  readonly build: Build;
  readonly args: ParsedArguments;
  /** The file named by `--config`, for commands that have this option. */
  readonly config: LoadedConfig | undefined;
  readonly output: Output;
  readonly log: ConfigurableLog;
  readonly lastResort: LastResort;
  /** All commands by name. */
  readonly commands: Readonly<Record<string, CommandEntry>>;
}

/** One command. Its module imports only what every call needs; the rest is loaded on demand. */
export interface Command {
  /** The part of the usage line after the command's name. */
  readonly usage: string;
  readonly options: readonly OptionName[];
  /** Lines below the options in the help, such as examples and exit statuses. */
  readonly notes?: readonly string[];
  /** How many operands are allowed (default: none). */
  readonly operands?: {
    readonly min: number;
    readonly max: number;
    /** Allowed values of the first operand, if there are few. */
    readonly words?: readonly string[];
  };
  /** The kinds of permission that it needs; the process gives up the others before it runs. Absent: all of them. */
  readonly keeps?: readonly Permission[];
  /** The program whose memory is closed to other processes before it runs, as it reads or creates a private key. */
  readonly guardsKeyOf?: ProgramName;
  /** Runs even if the configuration is invalid, which then counts as absent. */
  readonly toleratesInvalidConfig?: true;
  /** Accepts arguments after `--`; they go to the software. */
  readonly passesArguments?: true;
  /** Every argument after this operand goes to the software, even one that looks like an option. */
  readonly passesAfter?: string;
  /** Tries to run without the configuration. Resolves to the exit status, or `undefined` if `run` is needed. */
  runWithoutConfig?(context: Pick<CommandContext, "args" | "output">): Promise<number | undefined>;
  /** Resolves to the exit status. */
  run(context: CommandContext): Promise<number>;
}

/** A command's line in the help, and its module, which is loaded only when the command is called. */
export interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** A command's parsed arguments. An option beats its environment variable. */
export interface ParsedArguments {
  readonly operands: readonly string[];
  /** The arguments after `--`, or after {@linkcode Command.passesAfter}. */
  readonly passed: readonly string[];
  /** The license in its own variable, if there is one. */
  readonly licenseText: string | undefined;
  flag(name: OptionName): boolean;
  /** @throws {UsageError} if the option allows only certain words and this is not one of them. */
  value<Name extends OptionName>(name: Name): OptionValue<Name> | undefined;
  values(name: OptionName): readonly string[];
  /** @throws {UsageError} if neither the option nor its variable is set, or as `value` does. */
  required<Name extends OptionName>(name: Name): OptionValue<Name>;
  /** @throws {UsageError} if it is not a whole number within the range. */
  integer(name: OptionName, range: { min: number; max: number }): number | undefined;
  /** @throws {UsageError} if it is missing, or not a whole number within the range. */
  requiredInteger(name: OptionName, range: { min: number; max: number }): number;
}

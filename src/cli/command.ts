import type { Host } from "../platform/host.ts";
import type { Build } from "../core/build_info.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { LastResort } from "./last_resort.ts";
import type { ConfigurableLog } from "../core/log.ts";
import type { OptionName, OptionValue } from "./options.ts";
import type { Output } from "./output.ts";

/** What a command gets from outside the program, and a test may give it instead. */
export type Sources = Pick<Host, "clock" | "random">;

/** What a command is given to work with. */
export interface CommandContext extends Sources {
  readonly build: Build;
  readonly args: ParsedArguments;
  /** The file that `--config` names, for commands that have this option. */
  readonly config: LoadedConfig | undefined;
  readonly output: Output;
  readonly log: ConfigurableLog;
  readonly lastResort: LastResort;
  /** All commands by name. */
  readonly commands: Readonly<Record<string, CommandEntry>>;
}

/** One command; its module imports only what every call of it needs. */
export interface Command {
  /** What stands behind the command's name in the help. */
  readonly usage: string;
  readonly options: readonly OptionName[];
  /** Lines below the options in the help: examples, exit statuses. */
  readonly notes?: readonly string[];
  /** How many operands it takes (default: none). */
  readonly operands?: {
    readonly min: number;
    readonly max: number;
    /** What the first is one of, where there are few. */
    readonly words?: readonly string[];
  };
  /** Whether it goes on without a configuration that is not valid, as it only looks there for what is running. */
  readonly toleratesConfig?: true;
  /** Whether arguments behind `--` are taken, for the software. */
  readonly passesArguments?: true;
  /** An operand behind which every argument is the software's, whatever it looks like. */
  readonly passesBehind?: string;
  /** Does it without reading the configuration, where it can: the exit status, or `undefined`. */
  withoutConfig?(context: Pick<CommandContext, "args" | "output">): Promise<number | undefined>;
  /** Does it; the result is the exit status. */
  run(context: CommandContext): Promise<number>;
}

/** A command's line in the help and the way to its module, which is loaded only when the command is called. */
export interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}

/** A command's arguments: options beat variables. */
export interface ParsedArguments {
  readonly operands: readonly string[];
  /** What stood behind `--`, or behind the operand that the command names. */
  readonly passed: readonly string[];
  flag(name: OptionName): boolean;
  /** @throws {UsageError} if the option has words, and it is none of them. */
  value<Name extends OptionName>(name: Name): OptionValue<Name> | undefined;
  values(name: OptionName): readonly string[];
  /** @throws {UsageError} if neither the option nor its variable is given, or as `value` has it. */
  required<Name extends OptionName>(name: Name): OptionValue<Name>;
  /** @throws {UsageError} where it is not a whole number of the range. */
  integer(name: OptionName, range: { min: number; max: number }): number | undefined;
  /** @throws {UsageError} where it is given nowhere, or is not a whole number of the range. */
  requiredInteger(name: OptionName, range: { min: number; max: number }): number;
}

import type { Command } from "./command.ts";
import { COMMANDS } from "./command_table.ts";
import { GLOBAL_OPTIONS, type OptionName, OPTIONS, type OptionSpec } from "./options.ts";

/** One option, as manual and completions tell of it. */
export interface DescribedOption extends OptionSpec {
  readonly name: OptionName;
}

/** One command, with all that its module says of it. */
export interface DescribedCommand extends Pick<Command, "usage" | "operands"> {
  /** Such as `daemon start`. */
  readonly name: string;
  readonly summary: string;
  /** Its own first, then those that every command has. */
  readonly options: readonly DescribedOption[];
  readonly notes: readonly string[];
}

/** Every command, in the order of the help; loads all their modules. */
export async function describeCommands(): Promise<DescribedCommand[]> {
  return await Promise.all(
    Object.entries(COMMANDS).map(async ([name, { summary, load }]) => {
      const { command: { options, notes = [], ...command } } = await load();
      const described = [...options, ...GLOBAL_OPTIONS].map((name) => ({ name, ...OPTIONS[name] }));
      return { ...command, name, summary, notes, options: described };
    }),
  );
}

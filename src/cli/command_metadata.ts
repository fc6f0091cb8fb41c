import type { Command, CommandEntry } from "./command.ts";
import { GLOBAL_OPTIONS, type OptionName, OPTIONS, type OptionSpec } from "./options.ts";

/** One option, as the manual and the completions describe it. */
export interface DescribedOption extends OptionSpec {
  readonly name: OptionName;
}

/** One command with the description from its module. */
export interface DescribedCommand extends Pick<Command, "usage" | "operands"> {
  /** For example `daemon start`. */
  readonly name: string;
  readonly summary: string;
  /** Its own options first, then the global ones. */
  readonly options: readonly DescribedOption[];
  readonly notes: readonly string[];
}

/** Loads every command's module and describes the commands in the order of the help. */
export async function describeCommands(
  commands: Readonly<Record<string, CommandEntry>>,
): Promise<DescribedCommand[]> {
  return await Promise.all(
    Object.entries(commands).map(async ([name, { summary, load }]) => {
      const { options, notes = [], ...command } = await load();
      const described = [...options, ...GLOBAL_OPTIONS].map((name) => ({ name, ...OPTIONS[name] }));
      return { ...command, name, summary, notes, options: described };
    }),
  );
}

/** How a shell completes an option's value. */
export type Completion =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "file" }
  | { readonly kind: "folder" }
  | { readonly kind: "anything" };

/** Returns `undefined` for a flag. */
export function getCompletion({ value, words }: DescribedOption): Completion | undefined {
  if (value === undefined) return undefined;
  if (words !== undefined) return { kind: "words", words };
  if (value === "DIR") return { kind: "folder" };
  return ["FILE", "PATH", "DB"].includes(value) ? { kind: "file" } : { kind: "anything" };
}

/** A word that may come next, with its description. */
export interface NextWord {
  readonly word: string;
  readonly summary: string;
}

/** Lists the first words of a command line or, with `group`, the words that may follow a name such as `daemon`. */
export function listNextWords(commands: readonly DescribedCommand[], group?: string): NextWord[] {
  const found = new Map<string, string>();
  for (const { name, summary } of commands) {
    if (group !== undefined && !name.startsWith(`${group} `)) continue;
    const [word = "", ...rest] = name.slice(group === undefined ? 0 : group.length + 1).split(" ");
    if (!found.has(word)) found.set(word, rest.length === 0 ? summary : `${word} commands`);
  }
  return Array.from(found, ([word, summary]) => ({ word, summary }));
}

/** Lists the first words that are not commands by themselves, such as `daemon`. */
export function listGroups(commands: readonly DescribedCommand[]): string[] {
  return [...new Set(commands.flatMap(({ name }) => name.split(" ").slice(0, -1)))];
}

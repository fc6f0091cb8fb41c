import type { Command, CommandEntry } from "./command.ts";
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

/** What an option's value can be completed with. */
export type Completion =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "file" }
  | { readonly kind: "folder" }
  | { readonly kind: "anything" };

/** `undefined` for a flag. */
export function completionOf({ value, words }: DescribedOption): Completion | undefined {
  if (value === undefined) return undefined;
  if (words !== undefined) return { kind: "words", words };
  if (value === "DIR") return { kind: "folder" };
  return ["FILE", "PATH", "DB"].includes(value) ? { kind: "file" } : { kind: "anything" };
}

/** A word that may come next, with what it stands for. */
export interface NextWord {
  readonly word: string;
  readonly summary: string;
}

/** The words that a command line may begin with, or that may follow a group's name such as `daemon`. */
export function nextWords(commands: readonly DescribedCommand[], group?: string): NextWord[] {
  const found = new Map<string, string>();
  for (const { name, summary } of commands) {
    if (group !== undefined && !name.startsWith(`${group} `)) continue;
    const [word = "", ...rest] = name.slice(group === undefined ? 0 : group.length + 1).split(" ");
    if (!found.has(word)) found.set(word, rest.length === 0 ? summary : `${word} commands`);
  }
  return Array.from(found, ([word, summary]) => ({ word, summary }));
}

/** First words that are no command by themselves, such as `daemon`. */
export function groupsOf(commands: readonly DescribedCommand[]): string[] {
  return [...new Set(commands.flatMap(({ name }) => name.split(" ").slice(0, -1)))];
}

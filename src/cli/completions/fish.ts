import type { DescribedCommand, DescribedOption } from "../command_metadata.ts";
import { getCompletion, listGroups, listNextWords } from "../command_metadata.ts";

/** A script for fish (complete(1)). */
export function formatFishCompletions(commands: readonly DescribedCommand[]): string {
  const groups = listGroups(commands);
  return [
    "# fish completion for sentinel",
    "function __sentinel_words",
    "    set -l words (commandline -opc)[2..]",
    "    # arguments after -- belong to the software",
    "    contains -- -- $words; and return 1",
    "    # the default command is `run`",
    "    string match -q -- '-*' $words[1]; and set -p words run",
    "    string join ' ' -- $words",
    "    true",
    "end",
    "function __sentinel_is",
    "    set -l words (__sentinel_words); or return 1",
    '    test "$words" = "$argv"',
    "end",
    "function __sentinel_begins",
    "    set -l words (__sentinel_words); or return 1",
    '    string match -q -- "$argv *" "$words "',
    "end",
    ...[undefined, ...groups].flatMap((group) => formatWordLines(commands, group)),
    ...commands.flatMap((command) => [
      ...(command.operands?.words ?? []).map((word) =>
        `complete -c sentinel -n ${quote(`__sentinel_is ${command.name}`)} -f -a ${word}`
      ),
      ...command.options.map((option) => formatOptionLine(command.name, option)),
    ]),
  ].join("\n");
}

function formatWordLines(commands: readonly DescribedCommand[], group?: string): string[] {
  const condition = quote(`__sentinel_is ${group ?? ""}`.trim());
  return listNextWords(commands, group).map(({ word, summary }) =>
    `complete -c sentinel -n ${condition} -f -a ${word} -d ${quote(summary)}`
  );
}

function formatOptionLine(command: string, option: DescribedOption): string {
  const { name, letter, help } = option;
  const condition = quote(`__sentinel_begins ${command}`);
  const short = letter === undefined ? "" : ` -s ${letter}`;
  const value = formatValue(option);
  return `complete -c sentinel -n ${condition} -l ${name}${short}${value} -d ${quote(help)}`;
}

function formatValue(option: DescribedOption): string {
  const completion = getCompletion(option);
  switch (completion?.kind) {
    case undefined:
      return "";
    case "words":
      return ` -x -a ${quote(completion!.words.join(" "))}`;
    case "folder":
      return " -x -a '(__fish_complete_directories)'";
    case "file":
      return " -r -F";
    case "anything":
      return " -x";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

import { quoteForShell } from "../../core/text.ts";
import type { DescribedCommand, DescribedOption } from "../command_metadata.ts";
import { type Completion, getCompletion, listGroups, listNextWords } from "../command_metadata.ts";

/** A script for bash (bash(1), Programmable Completion). */
export function formatBashCompletions(commands: readonly DescribedCommand[]): string {
  return [
    "# bash completion for sentinel",
    "_sentinel() {",
    '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" words="" i',
    '  [[ $prev == "=" ]] && prev="${COMP_WORDS[COMP_CWORD-2]}"',
    '  [[ $cur == "=" ]] && cur=""',
    "  # arguments after -- belong to the software",
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    '    [[ ${COMP_WORDS[i]} == -- ]] && { COMPREPLY=($(compgen -f -- "$cur")); return; }',
    "  done",
    '  case "$prev" in',
    ...formatValueCases(commands).map((line) => `    ${line}`),
    "  esac",
    "  local first=$((COMP_CWORD < 3 ? COMP_CWORD - 1 : 2))",
    '  case "${COMP_WORDS[*]:1:first}" in',
    `    '') [[ $cur == -* ]] && words=${listOptions(commands, "run")} ||`,
    `      words=${quoteForShell(joinWords(listNextWords(commands)))} ;;`,
    ...formatCommandCases(commands).map((line) => `    ${line}`),
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    '  ((${#COMPREPLY[@]})) || COMPREPLY=($(compgen -f -- "$cur"))',
    "}",
    "complete -o filenames -F _sentinel sentinel",
  ].join("\n");
}

/** Cases that complete an option's value. An option takes the same values in every command. */
function formatValueCases(commands: readonly DescribedCommand[]): string[] {
  const options = new Map(commands.flatMap((command) => command.options).map((o) => [o.name, o]));
  return [...options.values()].flatMap((option) => {
    const completion = getCompletion(option);
    if (completion === undefined) return [];
    const letter = option.letter === undefined ? "" : `|-${option.letter}`;
    return [`--${option.name}${letter}) ${formatReply(completion)}return ;;`];
  });
}

function formatReply(completion: Completion): string {
  switch (completion.kind) {
    case "words":
      return `COMPREPLY=($(compgen -W ${quoteForShell(completion.words.join(" "))} -- "$cur")); `;
    case "folder":
      return 'COMPREPLY=($(compgen -d -- "$cur")); ';
    case "file":
      return 'COMPREPLY=($(compgen -f -- "$cur")); ';
    case "anything":
      return "";
  }
}

/** Cases for the words before the cursor: a command's name, or the first two words of the line. */
function formatCommandCases(commands: readonly DescribedCommand[]): string[] {
  const groups = listGroups(commands).map((group) =>
    `${quoteForShell(group)}) words=${quoteForShell(joinWords(listNextWords(commands, group)))} ;;`
  );
  const cases = commands.map(({ name }) => {
    const pattern = name.includes(" ")
      ? quoteForShell(name)
      : `${quoteForShell(name)}|${quoteForShell(`${name} `)}*`;
    return `${pattern}${name === "run" ? "|-*" : ""}) words=${listOptions(commands, name)} ;;`;
  });
  return [...groups, ...cases];
}

function listOptions(commands: readonly DescribedCommand[], name: string): string {
  const { options, operands } = commands.find((command) => command.name === name)!;
  const longName = (option: DescribedOption) => `--${option.name}`;
  return quoteForShell([...operands?.words ?? [], ...options.map(longName)].join(" "));
}

function joinWords(words: readonly { readonly word: string }[]): string {
  return words.map(({ word }) => word).join(" ");
}

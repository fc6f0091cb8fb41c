import { quoteForShell } from "../../core/text.ts";
import type { DescribedCommand, DescribedOption } from "../command_metadata.ts";
import { getCompletion, listGroups, listNextWords } from "../command_metadata.ts";

/** A script for zsh (zshcompsys(1)): save it as `_sentinel` in a directory of `fpath`, or source it. */
export function formatZshCompletions(commands: readonly DescribedCommand[]): string {
  return [
    "#compdef sentinel",
    "_sentinel() {",
    "  local -a choices",
    "  # the default command is `run`",
    '  [[ $words[2] == -* ]] && { words[2]=(run "$words[2]"); ((CURRENT++)) }',
    '  case "${words[2,CURRENT-1][1,2]}" in',
    `    '') choices=(${formatChoices(commands)}); _describe command choices ;;`,
    ...formatCommandCases(commands).map((line) => `    ${line}`),
    "  esac",
    "}",
    'if [[ $funcstack[1] == _sentinel ]]; then _sentinel "$@"; else compdef _sentinel sentinel; fi',
  ].join("\n");
}

/** Cases for the words before the cursor: a command's name, or the first two words of the line. */
function formatCommandCases(commands: readonly DescribedCommand[]): string[] {
  const groups = listGroups(commands).map((group) =>
    `${quoteForShell(group)}) choices=(${
      formatChoices(commands, group)
    }); _describe command choices ;;`
  );
  const cases = commands.map((command) => {
    const { name } = command;
    const pattern = name.includes(" ")
      ? quoteForShell(name)
      : `${quoteForShell(name)}|${quoteForShell(`${name} `)}*`;
    return `${pattern}) ${formatArguments(command)} ;;`;
  });
  return [...groups, ...cases];
}

/** Shifts the words so that `_arguments` sees the command's last word first, as it expects. */
function formatArguments({ name, options, operands }: DescribedCommand): string {
  const shift = name.includes(" ")
    ? "shift 2 words; ((CURRENT -= 2)); "
    : "shift words; ((CURRENT--)); ";
  const first = operands?.words === undefined ? [] : [`'1:first:(${operands.words.join(" ")})'`];
  return `${shift}_arguments -S ${
    [...options.map(formatSpec), ...first].join(" ")
  } '*:file:_files'`;
}

function formatSpec(option: DescribedOption): string {
  const { name, help, value, repeatable } = option;
  const explained = `${repeatable ? "*" : ""}--${name}${value === undefined ? "" : "="}[${
    escape(help)
  }]`;
  const completion = getCompletion(option);
  if (completion === undefined) return quoteForShell(explained);
  const actions = { file: "_files", folder: "_files -/", anything: " " };
  const action = completion.kind === "words"
    ? `(${completion.words.join(" ")})`
    : actions[completion.kind];
  return quoteForShell(`${explained}:${escape(value!)}:${action}`);
}

function formatChoices(commands: readonly DescribedCommand[], group?: string): string {
  return listNextWords(commands, group)
    .map(({ word, summary }) => quoteForShell(`${word}:${escape(summary)}`)).join(" ");
}

function escape(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, "\\$&");
}

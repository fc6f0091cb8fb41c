import { shellQuote } from "../../core/text.ts";
import type { DescribedCommand, DescribedOption } from "../command_metadata.ts";
import { completionOf, groupsOf, nextWords } from "../command_metadata.ts";

/** A script for zsh (zshcompsys(1)): to be `_sentinel` in a folder of `fpath`, or to be sourced. */
export function zshCompletions(commands: readonly DescribedCommand[]): string {
  return [
    "#compdef sentinel",
    "_sentinel() {",
    "  local -a choices",
    "  # without a command it is `run`",
    '  [[ $words[2] == -* ]] && { words[2]=(run "$words[2]"); ((CURRENT++)) }',
    '  case "${words[2,CURRENT-1][1,2]}" in',
    `    '') choices=(${choices(commands)}); _describe command choices ;;`,
    ...commandCases(commands).map((line) => `    ${line}`),
    "  esac",
    "}",
    'if [[ $funcstack[1] == _sentinel ]]; then _sentinel "$@"; else compdef _sentinel sentinel; fi',
  ].join("\n");
}

/** A command's name stands before the cursor, or its first two words do. */
function commandCases(commands: readonly DescribedCommand[]): string[] {
  const groups = groupsOf(commands).map((group) =>
    `${shellQuote(group)}) choices=(${choices(commands, group)}); _describe command choices ;;`
  );
  const cases = commands.map((command) => {
    const { name } = command;
    const pattern = name.includes(" ")
      ? shellQuote(name)
      : `${shellQuote(name)}|${shellQuote(`${name} `)}*`;
    return `${pattern}) ${argumentsOf(command)} ;;`;
  });
  return [...groups, ...cases];
}

/** `_arguments` is to see the command's last word first, then what stands behind it. */
function argumentsOf({ name, options, operands }: DescribedCommand): string {
  const shift = name.includes(" ")
    ? "shift 2 words; ((CURRENT -= 2)); "
    : "shift words; ((CURRENT--)); ";
  const first = operands?.words === undefined ? [] : [`'1:first:(${operands.words.join(" ")})'`];
  return `${shift}_arguments -S ${[...options.map(specOf), ...first].join(" ")} '*:file:_files'`;
}

function specOf(option: DescribedOption): string {
  const { name, help, value, repeatable } = option;
  const explained = `${repeatable ? "*" : ""}--${name}${value === undefined ? "" : "="}[${
    escape(help)
  }]`;
  const completion = completionOf(option);
  if (completion === undefined) return shellQuote(explained);
  const actions = { file: "_files", folder: "_files -/", anything: " " };
  const action = completion.kind === "words"
    ? `(${completion.words.join(" ")})`
    : actions[completion.kind];
  return shellQuote(`${explained}:${escape(value!)}:${action}`);
}

function choices(commands: readonly DescribedCommand[], group?: string): string {
  return nextWords(commands, group)
    .map(({ word, summary }) => shellQuote(`${word}:${escape(summary)}`)).join(" ");
}

function escape(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, "\\$&");
}

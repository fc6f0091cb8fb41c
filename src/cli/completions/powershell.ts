import type { DescribedCommand } from "../command_metadata.ts";
import { listGroups, listNextWords, type NextWord } from "../command_metadata.ts";

/** A script for PowerShell (about_Functions_Argument_Completion, Register-ArgumentCompleter -Native). */
export function formatPowershellCompletions(commands: readonly DescribedCommand[]): string {
  const groups = listGroups(commands);
  return [
    "# PowerShell completion for sentinel",
    "Register-ArgumentCompleter -Native -CommandName sentinel -ScriptBlock {",
    "  param($wordToComplete, $commandAst, $cursorPosition)",
    "  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })",
    "  if ($wordToComplete -ne '') { $words = @($words | Select-Object -SkipLast 1) }",
    "  # arguments after -- belong to the software",
    "  if ($words -contains '--') { return }",
    "  # the default command is run",
    "  if ($words.Count -gt 0 -and $words[0] -like '-*') { $words = @('run') + $words }",
    "  $next = @{",
    `    '' = ${formatWordList(listNextWords(commands))}`,
    ...groups.map((group) =>
      `    ${quote(group)} = ${formatWordList(listNextWords(commands, group))}`
    ),
    "  }",
    "  $own = @{",
    ...commands.map((command) =>
      `    ${quote(command.name)} = ${formatWordList(listOwnWords(command))}`
    ),
    "  }",
    "  $line = $words -join ' '",
    "  $two = ($words | Select-Object -First 2) -join ' '",
    "  $one = ($words | Select-Object -First 1) -join ' '",
    "  $found = if ($next.ContainsKey($line)) { $next[$line] }",
    "    elseif ($own.ContainsKey($two)) { $own[$two] }",
    "    elseif ($own.ContainsKey($one)) { $own[$one] }",
    '  $found | Where-Object { $_[0] -like "$wordToComplete*" } | ForEach-Object {',
    "    [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])",
    "  }",
    "}",
  ].join("\n");
}

function listOwnWords({ options, operands }: DescribedCommand): NextWord[] {
  return [
    ...(operands?.words ?? []).map((word) => ({ word, summary: word })),
    ...options.map(({ name, help }) => ({ word: `--${name}`, summary: help })),
  ];
}

/** Pairs, each after a unary comma: PowerShell flattens a list that holds a single pair. */
function formatWordList(words: readonly NextWord[]): string {
  const pairs = words.map(({ word, summary }) => `,@(${quote(word)}, ${quote(summary)})`);
  return `@(${pairs.join("; ")})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

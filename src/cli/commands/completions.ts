import type { Command } from "../command.ts";
import type { DescribedCommand } from "../command_metadata.ts";
import { EXIT } from "../exit_codes.ts";
import { suggest, UsageError } from "../usage_error.ts";

type Script = (commands: readonly DescribedCommand[]) => string;

const SHELLS: Readonly<Record<string, () => Promise<Script>>> = {
  bash: async () => (await import("../completions/bash.ts")).formatBashCompletions,
  zsh: async () => (await import("../completions/zsh.ts")).formatZshCompletions,
  fish: async () => (await import("../completions/fish.ts")).formatFishCompletions,
  powershell: async () =>
    (await import("../completions/powershell.ts")).formatPowershellCompletions,
};

export const command: Command = {
  usage: "bash|zsh|fish|powershell",
  options: [],
  keeps: ["read", "env"],
  operands: { min: 1, max: 1, words: Object.keys(SHELLS) },
  notes: [
    "For the current session:",
    "  bash, zsh   source <(sentinel completions bash)",
    "  fish        sentinel completions fish | source",
    "  powershell  sentinel completions powershell | Out-String | Invoke-Expression",
    "For every session: add that line to ~/.bashrc, ~/.zshrc (after compinit), ~/.config/fish/config.fish or $PROFILE.",
  ],
  async run({ args, output, commands }) {
    const shell = args.operands[0]!;
    const load = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
    if (load === undefined) {
      throw new UsageError(`unknown shell: ${shell}${suggest(shell, Object.keys(SHELLS))}`);
    }
    const { describeCommands } = await import("../command_metadata.ts");
    output.result((await load())(await describeCommands(commands)));
    return EXIT.ok;
  },
};

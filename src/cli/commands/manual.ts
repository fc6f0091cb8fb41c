import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "",
  options: [],
  notes: [
    "To read it: sentinel manual | man -l -",
    "To keep it: sentinel manual > /usr/local/share/man/man1/sentinel.1",
  ],
  async run({ build, output }) {
    const { describeCommands } = await import("../described_commands.ts");
    const { manualPage } = await import("../manual_page.ts");
    output.result(manualPage(await describeCommands(), { builtAt: build.builtAt }));
    return EXIT.ok;
  },
};

import type { Command } from "../command.ts";
import { builtFileLine } from "../built_file_line.ts";
import { chosenTargets } from "../chosen_targets.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage:
    "--org-key FILE [--target T]… [--software-id ID] [--server-url URL] [--software FILE] --out DIR",
  options: ["org-key", "target", "software-id", "server-url", "software", "out", "json"],
  notes: [
    "Needs Deno, from the PATH or named in BUILD_DENO; it downloads its runtime for each target, or takes the one that",
    "DENORT_BIN names. The programs accept the key's licences alone, with --software-id only those for it; with",
    "--server-url they ask that server. --software, the program's path at the customers', is all that they may then",
    "launch (`daemon start` with --foreground). Writes SHA256SUMS; the same call makes the same bytes.",
  ],
  async run({ args, build, output }) {
    const { composeBuild } = await import("../../compose_build.ts");
    const files = await composeBuild({
      profile: "customer",
      targets: chosenTargets(args.values("target")),
      out: args.required("out"),
      orgKeyPath: args.required("org-key"),
      softwareId: args.value("software-id"),
      serverUrl: args.value("server-url"),
      softwarePath: args.value("software"),
    }, build);
    output.result(args.flag("json") ? JSON.stringify(files) : files.map(builtFileLine).join("\n"));
    return EXIT.ok;
  },
};

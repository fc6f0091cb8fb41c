import type { Command } from "../command.ts";

export const command: Command = {
  usage: "--license FILE --software FILE [options] [-- ARG…]",
  options: ["license", "software", "server-url", "state-dir", "org-key", "ca-file"],
  passesArguments: true,
  notes: [
    "Arguments behind -- belong to the software. Its exit status becomes ours; 128 + S if signal S killed it.",
    "Other exit statuses: 2 usage, 80 license not valid, 81 refused by the server, 82 server unreachable and",
    "no grace, 84 software cannot be launched, 85 already running.",
    "",
    "Example: sentinel run --license acme.lic --software /opt/acme/server -- --port 8000",
  ],
  async run(context) {
    const { args } = context;
    const { composeRun } = await import("../../compose.ts");
    return await composeRun({
      licensePath: args.required("license"),
      softwarePath: args.required("software"),
      softwareArgs: args.passed,
      serverUrl: args.value("server-url"),
      stateDir: args.value("state-dir"),
      orgKeyPath: args.required("org-key"),
      caFile: args.value("ca-file"),
    }, context);
  },
};

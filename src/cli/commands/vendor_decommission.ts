import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "KEY MACHINE_ID --database DB [--lost]",
  options: ["database", "lost"],
  operands: { min: 2, max: 2 },
  notes: [
    "The machine is told at its next heartbeat; it stops, forgets the licence and acknowledges. Until then it counts",
    "against --max-machines. `sentinel vendor list` shows the machine ids.",
    "With --lost its place is free at once. Should it come back it is told to leave; while it is offline it runs on until its",
    "grace is used up.",
  ],
  async run({ args, output }) {
    const [licenseKey = "", machineId = ""] = args.operands;
    const database = args.required("database");
    const { decommission } = await import("../../compose_vendor.ts");
    const isLost = args.flag("lost");
    await decommission(database, { licenseKey, machineId, isLost });
    output.result(
      isLost
        ? `machine ${machineId} is given up: its place of license ${licenseKey} is free`
        : `machine ${machineId} is asked to leave license ${licenseKey}`,
    );
    return EXIT.ok;
  },
};

import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";

export const command: Command = {
  usage: "KEY MACHINE_ID --database DB",
  options: ["database"],
  operands: { min: 2, max: 2 },
  notes: [
    "The machine is told at its next heartbeat; it stops, forgets the licence and acknowledges. Until then it counts",
    "against --max-machines. `sentinel vendor list` shows the machine ids.",
  ],
  async run({ args, output }) {
    const [licenseKey = "", machineId = ""] = args.operands;
    const database = args.required("database");
    const { decommission } = await import("../../compose_vendor.ts");
    await decommission(machineId, { database, licenseKey });
    output.result(`machine ${machineId} is asked to leave license ${licenseKey}`);
    return EXIT.ok;
  },
};

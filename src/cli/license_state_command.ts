import type { LicenseAction } from "../vendor/administration.ts";
import type { Command } from "./command.ts";
import { EXIT } from "./exit_codes.ts";

/** A command of the vendor's that changes the state of one licence. */
export function licenseStateCommand(
  action: LicenseAction,
  { done, note }: { readonly done: string; readonly note: string },
): Command {
  return {
    usage: "KEY --database DB",
    options: ["database"],
    operands: { min: 1, max: 1 },
    notes: [note],
    async run({ args, output }) {
      const [licenseKey = ""] = args.operands;
      const database = args.required("database");
      const { administer } = await import("../compose_vendor.ts");
      await administer(action, { database, licenseKey });
      output.result(`license ${licenseKey} is ${done}`);
      return EXIT.ok;
    },
  };
}
